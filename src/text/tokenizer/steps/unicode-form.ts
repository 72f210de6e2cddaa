export type UnicodeForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** Marks of one combining class, of a run in the order in which they came. */
interface MarkClass {
  readonly example: string;
  text: string;
}

/** A character of a decomposed run, and its class; a character of class 0 has none. */
type Mark = readonly [character: string, markClass: MarkClass | undefined];

/** Longer runs are in no writing. The two letters become marks in NFKC and NFKD. */
const RUN = /[\p{M}\uFF9E\uFF9F]{64,}/gu;
/** Of class 1, the lowest, and of class 230, the commonest. */
const OVERLAY = '\u0334';
const ACUTE = '\u0301';

/**
 * A text in a normal form of Unicode, in time proportional to its length: engines put a run of marks
 * in order in quadratic time, 64,000 of them in 1.5 s.
 */
export function inUnicodeForm(text: string, form: UnicodeForm): string {
  return withMarksInOrder(text, form).normalize(form);
}

/** A text with the same normal form in which long runs of marks are in order. */
export function withMarksInOrder(text: string, form: UnicodeForm): string {
  const decomposed = form.startsWith('NFK') ? 'NFKD' : 'NFD';
  return text.replaceAll(RUN, (run) => inOrder(run, decomposed));
}

/** A run of marks, decomposed and ordered by their classes. */
function inOrder(run: string, form: 'NFD' | 'NFKD'): string {
  const classes: MarkClass[] = [];
  const known = new Map<string, readonly Mark[]>();
  let result = '';
  const flush = (): void => {
    for (const markClass of classes) {
      result += markClass.text;
      markClass.text = '';
    }
  };
  for (const character of run) {
    let marks = known.get(character);
    if (marks === undefined) {
      marks = Array.from(character.normalize(form), (mark) => [mark, classOf(mark, classes)]);
      known.set(character, marks);
    }
    for (const [mark, markClass] of marks) {
      if (markClass !== undefined) markClass.text += mark;
      else {
        flush();
        result += mark;
      }
    }
  }
  flush();
  return result;
}

/** The class of a mark among those known so far, the lowest first, where a new one is added. */
function classOf(mark: string, classes: MarkClass[]): MarkClass | undefined {
  if (!areSwapped(mark, OVERLAY) && !areSwapped(ACUTE, mark)) return undefined;
  const at = classes.findIndex(({ example }) => !areSwapped(mark, example));
  const next = classes[at];
  if (next !== undefined && !areSwapped(next.example, mark)) return next;
  const added = { example: mark, text: '' };
  classes.splice(at < 0 ? classes.length : at, 0, added);
  return added;
}

/** Whether the second of two marks has a lower class than the first. */
function areSwapped(first: string, second: string): boolean {
  return (first + second).normalize('NFD') !== first + second;
}
