import { TextStream } from '../../../src/generate/text-stream.ts';
import { createTokenizer, type TextTokenizer } from '../../../src/text/tokenizer.ts';
import { holds, target } from '../target.ts';
import { drawTokenizerJson, type TokenizerJson } from './tokenizer-json.ts';

/** Ids of one byte of text at most: all steps make it 64 times as long, then each byte is a token. */
const MAX_IDS_PER_BYTE = 64 * 4;
const MAX_STREAMED = 64;
const LONE = /\p{Surrogate}/u;

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
    const text = draw.text(1000, contentsOf(drawn.json));
    return {
      ...drawn,
      text,
      vocabSize: draw.chance(0.2) ? draw.pick([1, 100, 256, 270, 300]) : undefined,
      parseSpecial: draw.chance(0.5),
      cut: draw.integer(0, 20),
    };
  },
  run({ json, isLossless, text, vocabSize, parseSpecial, cut }) {
    const tokenizer = createTokenizer(json, vocabSize === undefined ? {} : { vocabSize });
    holds(vocabSize === undefined || tokenizer.vocabSize <= vocabSize, 'ids below vocabSize');
    const ids = tokenizer.encode(text, { parseSpecial });
    const { vocabSize: end } = tokenizer;
    holds(
      ids.every((id) => Number.isInteger(id) && id >= 0 && id < end),
      'ids of the vocabulary',
    );
    holds(ids.length <= (text.length * 3 + 1) * MAX_IDS_PER_BYTE, `${ids.length} ids`);
    checkDecoded(tokenizer, ids, cut);
    if (isLossless)
      holds(
        tokenizer.decode(ids) === text.replaceAll(/\p{Surrogate}/gu, '\uFFFD'),
        'the text comes back',
      );
  },
});

/** What was shown piece by piece is what is shown in one. */
function checkDecoded(tokenizer: TextTokenizer, ids: readonly number[], cut: number): void {
  const whole = tokenizer.decode(ids);
  holds(typeof whole === 'string' && !LONE.test(whole), 'text');
  const few = ids.slice(0, MAX_STREAMED);
  const stream = new TextStream(tokenizer);
  let shown = '';
  for (const id of few) shown += stream.push(id);
  shown += stream.flush();
  holds(shown === tokenizer.decode(few, { skipSpecial: true }), 'pieces are the whole');
  void cut;
}

function contentsOf(json: Readonly<Record<string, unknown>>): string[] {
  const { added_tokens: added } = json;
  if (!Array.isArray(added)) return [];
  const contents = added.map((token: unknown) => (Object(token) as { content?: unknown }).content);
  return contents.filter((content) => typeof content === 'string');
}
