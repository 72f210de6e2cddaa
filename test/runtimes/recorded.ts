import { readFileSync } from 'node:fs';

/** A prompt and how it goes on; on the baseline kernels the text is {@link SEEDED_TEXT}. */
export const SEEDED = {
  prompt: 'The old king',
  options: {
    seed: 7,
    temperature: 0.9,
    topK: 50,
    topP: 0.95,
    minP: 0.01,
    repetitionPenalty: 1.1,
    maxTokens: 40,
  },
} as const;

/** What the shipped model gives on the baseline kernels, as `record-shipped.ts` wrote it down. */
interface Recorded {
  /** What it writes on from `SEEDED`. */
  readonly seededText: string;
  /** Of the suite, in the order of its checks. */
  readonly conformance: Readonly<Record<string, string | readonly number[]>>;
}

const FILE = new URL('../fixtures/recorded.json', import.meta.url);
const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as Recorded;

export const { seededText: SEEDED_TEXT, conformance: RECORDED } = recorded;
