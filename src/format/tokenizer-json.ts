import { TextTable } from '../base/text-table.ts';
import { JsonBytes } from './files/json-bytes.ts';
import { expectObject, parseJson, type Refuse } from './files/json.ts';
import { LIMITS } from './config/limits.ts';

/** Three times what the largest published vocabulary has; who reads more of them refuses them. */
const MAX_MERGES = 2 ** 21;
const MERGE_IDS = 3;
const SPACE = 0x20;
/** What stands in the place of both. */
const ZERO = Uint8Array.of(0x30);

/** Where a value stands in a file. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The value of a tokenizer.json, of which `model.vocab` is a {@link TextTable} and `model.merges` an
 * Int32Array, the left id, the right id and the new id of each. A hundred thousand keys and pairs would be
 * 12 MB of objects in the file of GPT-2, which is 2 MB. What is not as all tools write it stays as
 * `JSON.parse` gives it, so that it is refused as ever.
 *
 * @throws what `refuse` makes
 */
export function parseTokenizerJson(bytes: Uint8Array, refuse: Refuse): unknown {
  const spans = findSpans(bytes);
  const vocab = spans && readVocab(bytes, spans.vocab);
  const merges = vocab && readMerges(bytes, spans.merges, vocab);
  if (!merges) return parseJson(bytes, refuse, false);
  const [first, second] = [spans.vocab, spans.merges].toSorted((a, b) => a.start - b.start);
  const [head, between] = [
    bytes.subarray(0, first!.start),
    bytes.subarray(first!.end, second!.start),
  ];
  const rest = joined(head, ZERO, between, ZERO, bytes.subarray(second!.end));
  const root = expectObject(parseJson(rest, refuse, false), refuse);
  return { ...root, model: { ...Object(root['model']), vocab, merges } };
}

/** Where both stand; undefined where one does not, or a name is there twice. */
function findSpans(bytes: Uint8Array): Readonly<Record<'vocab' | 'merges', Span>> | undefined {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const json = new JsonBytes(bytes, hasMark ? 3 : 0);
  const spans = new Map<string, Span>();
  const members = (path: string): boolean =>
    json.list('{', '}', () => {
      const key = json.key();
      if (key === undefined) return false;
      const start = json.at;
      const name = `${path}${key}`;
      const isRead = name === 'model' ? members('model.') : json.skip();
      if (/^model(?:\.vocab|\.merges)?$/.test(name)) {
        if (spans.has(name)) return false;
        spans.set(name, { start, end: json.at });
      }
      return isRead;
    });
  const isFound = members('');
  const [vocab, merges] = [spans.get('model.vocab'), spans.get('model.merges')];
  return isFound && vocab && merges ? { vocab, merges } : undefined;
}

function readVocab(bytes: Uint8Array, { start, end }: Span): TextTable | undefined {
  const json = new JsonBytes(bytes.subarray(0, end), start);
  const table = new TextTable();
  const isRead = json.list('{', '}', () => {
    if (!json.text(table) || table.opened === 0 || !json.accept(':')) return false;
    const id = json.integer();
    if (id < 0 || id >= LIMITS.vocab) return false;
    table.close(id);
    return true;
  });
  return isRead && json.isDone && table.seal() ? table : undefined;
}

/** Merges are texts with a space between, or pairs of texts. */
function readMerges(
  bytes: Uint8Array,
  { start, end }: Span,
  vocab: TextTable,
): Int32Array | undefined {
  const json = new JsonBytes(bytes.subarray(0, end), start);
  let ids = new Int32Array(2 ** 12 * MERGE_IDS);
  let count = 0;
  const isRead = json.list('[', ']', () => {
    const middle = readPair(json, vocab);
    const whole = vocab.opened;
    const merge = [vocab.find(0, middle), vocab.find(middle, whole), vocab.find(0, whole)];
    vocab.drop();
    const isMerge = middle > 0 && middle < whole && !merge.includes(undefined);
    if (!isMerge || count === MAX_MERGES) return false;
    if (count * MERGE_IDS === ids.length) {
      const more = new Int32Array(2 * ids.length);
      more.set(ids);
      ids = more;
    }
    ids.set(merge as number[], MERGE_IDS * count++);
    return true;
  });
  return isRead && json.isDone ? ids.slice(0, MERGE_IDS * count) : undefined;
}

/** Opens the text of a merge. @returns where its right half begins; -1 where it is no pair */
function readPair(json: JsonBytes, vocab: TextTable): number {
  if (json.accept('[')) {
    const isLeft = json.text(vocab) && json.accept(',');
    const middle = vocab.opened;
    return isLeft && json.text(vocab) && json.accept(']') ? middle : -1;
  }
  if (!json.text(vocab)) return -1;
  const middle = vocab.placeOf(SPACE);
  if (middle < 0) return -1;
  vocab.remove(middle);
  return vocab.placeOf(SPACE) < 0 ? middle : -1;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
