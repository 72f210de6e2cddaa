import { TextStream } from '../../../src/generate/text-stream.ts';
import { createTokenizer, type TextTokenizer } from '../../../src/text/tokenizer.ts';
import { holds, target } from '../target.ts';
import { drawTokenizerJson, type TokenizerJson } from './tokenizer-json.ts';

/** Ids of a UTF-16 unit at most: how much longer all steps may make a text. */
const MAX_IDS_PER_UNIT = 256;
/** Ids of about a millisecond's work. */
const MAX_PIECE = 2 ** 16;
const MAX_STREAMED = 64;

interface Input extends TokenizerJson {
  readonly text: string;
  readonly vocabSize: number | undefined;
  readonly parseSpecial: boolean;
  readonly cut: number;
}

/** A tokenizer.json and a prompt of up to 1,000 characters. */
export const TOKENIZER = target<Input>({
  name: 'tokenizer',
  make(draw) {
    const drawn = drawTokenizerJson(draw);
    return {
      text: draw.text(1000, contentsOf(drawn.json)),
      vocabSize: draw.chance(0.1) ? draw.pick([1, 100, 256, 270, 300]) : undefined,
      parseSpecial: draw.chance(0.5),
      cut: draw.integer(0, 20),
      ...drawn,
    };
  },
  run({ json, isLossless, isJoining, text, vocabSize, parseSpecial, cut }) {
    const tokenizer = createTokenizer(json, vocabSize === undefined ? {} : { vocabSize });
    holds(vocabSize === undefined || tokenizer.vocabSize <= vocabSize, 'ids below vocabSize');
    const ids: number[] = [];
    for (const piece of tokenizer.pieces(text, { parseSpecial })) {
      holds(piece.length <= MAX_PIECE, 'pieces are bounded');
      for (const id of piece) ids.push(id);
    }
    const isKnown = (id: number): boolean => id >= 0 && id < tokenizer.vocabSize && id % 1 === 0;
    holds(ids.every(isKnown), 'ids of the vocabulary');
    holds(ids.length <= (text.length + 1) * MAX_IDS_PER_UNIT, `${ids.length} ids`);
    const whole = tokenizer.decode(ids);
    holds(typeof whole === 'string', 'text');
    if (isJoining) checkJoined(tokenizer, ids, cut);
    if (!isLossless) return;
    const wellFormed = text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
    holds(whole === wellFormed, `the text comes back as ${JSON.stringify(whole)}`);
  },
});

/** What was shown piece by piece is what is shown in one. */
function checkJoined(tokenizer: TextTokenizer, ids: readonly number[], cut: number): void {
  const few = ids.slice(0, MAX_STREAMED);
  const stream = new TextStream(tokenizer);
  const shown = few.map((id) => stream.push(id)).join('') + stream.flush();
  holds(
    shown === tokenizer.decode(few, { skipSpecial: true }),
    `streamed ${JSON.stringify(shown)}`,
  );
  const [head, tail] = [few.slice(0, cut), few.slice(cut)];
  const parts = [tokenizer.decode(head), tokenizer.decode(tail, { after: head })] as const;
  // a character may lie on both sides of the cut
  if (parts[0].endsWith('\uFFFD') || parts[1].startsWith('\uFFFD')) return;
  holds(parts.join('') === tokenizer.decode(few), `${JSON.stringify(parts)} is not the whole`);
}

function contentsOf(json: Readonly<Record<string, unknown>>): string[] {
  const { added_tokens: added } = json;
  if (!Array.isArray(added)) return [];
  const contents = added.map((token: unknown) => (Object(token) as { content?: unknown }).content);
  return contents.filter((content) => typeof content === 'string');
}
