import { capitalized, stripped } from './python-text.ts';
import { indexOf, type Question, type Row, textOf, textsOf, unfit } from './question.ts';

/** How a data set writes its questions, and how they are asked. */
export interface Form {
  readonly name: string;
  /** Whether its examples are the first of its file, or drawn. */
  readonly takesFirst: boolean;
  /** Whether a row has the fields that tell this form from the others. */
  fits(row: Row): boolean;
  /** @throws BadQuestion */
  read(row: Row): Omit<Question, 'line'>;
}

/** Nothing before the examples, a space before a choice: what most data sets have. */
const USUAL = { description: '', delimiter: ' ' };

/**
 * The forms that are known, told apart in this order. Those of data sets have the fields of the
 * Hugging Face hub and the prompts of lm-evaluation-harness.
 */
export const FORMS: readonly Form[] = [
  {
    name: 'HellaSwag',
    takesFirst: false,
    fits: (row) => 'endings' in row,
    read(row) {
      const scene = `${textOf(row, 'ctx_a')} ${capitalized(textOf(row, 'ctx_b'))}`;
      const choices = textsOf(row['endings'], 'endings').map(withoutBrackets);
      return {
        ...USUAL,
        context: withoutBrackets(`${textOf(row, 'activity_label')}: ${scene}`),
        choices,
        answer: indexOf(row, 'label', choices.length),
      };
    },
  },
  {
    name: 'BoolQ',
    takesFirst: false,
    fits: (row) => 'passage' in row,
    read(row) {
      const question = `Question: ${textOf(row, 'question')}?`;
      return {
        ...USUAL,
        context: `${textOf(row, 'passage')}\n${question}\nAnswer:`,
        choices: ['no', 'yes'],
        // SuperGLUE's copy has a label of 0 or 1
        answer: 'label' in row ? indexOf(row, 'label', 2) : truthOf(row, 'answer'),
      };
    },
  },
  {
    name: 'ARC',
    takesFirst: false,
    fits: (row) => 'answerKey' in row || 'text' in Object(row['choices']),
    read(row) {
      const list = Object(row['choices']) as Row;
      const choices = textsOf(list['text'], 'choices.text');
      return {
        ...USUAL,
        context: `Question: ${textOf(row, 'question')}\nAnswer:`,
        choices,
        answer: labelled(row['answerKey'], list['label'], choices.length),
      };
    },
  },
  {
    name: 'MMLU',
    takesFirst: true,
    fits: (row) => 'question' in row && 'choices' in row,
    read(row) {
      const texts = textsOf(row['choices'], 'choices');
      const letters = LETTERS.slice(0, texts.length);
      if (texts.length > letters.length) throw unfit('choices', 'at most 26 texts', texts.length);
      const lines = texts.map((text, i) => `${letters[i]}. ${text}\n`);
      return {
        ...USUAL,
        ...('subject' in row ? { description: aboutSubject(textOf(row, 'subject')) } : {}),
        context: `${stripped(textOf(row, 'question'))}\n${lines.join('')}Answer:`,
        choices: letters,
        answer: indexOf(row, 'answer', texts.length),
      };
    },
  },
  {
    name: 'choices',
    takesFirst: false,
    fits: (row) => 'choices' in row && ('context' in row || 'prompt' in row),
    read(row) {
      const choices = textsOf(row['choices'], 'choices');
      return {
        ...USUAL,
        ...('delimiter' in row ? { delimiter: textOf(row, 'delimiter') } : {}),
        context: textOf(row, 'context' in row ? 'context' : 'prompt'),
        choices,
        answer: indexOf(row, 'answer', choices.length),
      };
    },
  },
];

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** Index of the label that is the key; some rows have A, B, C and D, others 1, 2, 3 and 4. */
function labelled(key: unknown, labels: unknown, count: number): number {
  if (!Array.isArray(labels) || labels.length !== count) {
    throw unfit('choices.label', `an array of ${count} labels, as many as texts`, labels);
  }
  const isLabel = typeof key === 'string' || typeof key === 'number';
  const answer = isLabel ? labels.findIndex((label) => label === key || label === String(key)) : -1;
  if (answer < 0) throw unfit('answerKey', 'one of "choices.label"', key);
  return answer;
}

function truthOf(row: Row, field: string): number {
  const value = row[field];
  if (typeof value !== 'boolean') throw unfit(field, 'true or false', value);
  return Number(value);
}

function aboutSubject(subject: string): string {
  const words = subject.replaceAll('_', ' ');
  return `The following are multiple choice questions (with answers) about ${words}.\n\n`;
}

/** WikiHow's headings in brackets are no part of a text. */
function withoutBrackets(text: string): string {
  const parts = stripped(text).replaceAll(' [title]', '. ').split(']');
  const last = parts.pop()!;
  // a pattern would look for the end of each of a million brackets that have none
  const kept = parts.map((part) => {
    const open = part.indexOf('[', part.lastIndexOf('\n') + 1);
    return open < 0 ? `${part}]` : part.slice(0, open);
  });
  return [...kept, last].join('').replaceAll('  ', ' ');
}
