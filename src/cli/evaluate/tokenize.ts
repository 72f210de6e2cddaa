import { yieldMacrotask } from '../../base/time.ts';
import { type Model, type TextTokenizer, TpaError } from '../../index.ts';

/** Milliseconds of work between two looks whether Ctrl-C was pressed. */
const SLICE_MS = 50;
/** Room for ids to begin with; a question has some hundred. */
const FIRST_IDS = 1 << 10;

/** What a model reads text with. @throws TpaError `TOKENIZER_MISSING` */
export function tokenizerOf({ tokenizer }: Model): TextTokenizer {
  if (tokenizer !== undefined) return tokenizer;
  const message =
    'the model has no tokenizer to read the text with; put its tokenizer.json beside it';
  throw new TpaError('TOKENIZER_MISSING', message);
}

/**
 * All ids of a text; a macrotask passes between pieces of work, so that Ctrl-C is seen.
 *
 * @throws TpaError `TOKENIZER_INVALID`, AbortError
 */
export async function tokenize(
  tokenizer: TextTokenizer,
  text: string,
  parseSpecial: boolean,
  signal: AbortSignal,
): Promise<Uint32Array> {
  let ids = new Uint32Array(FIRST_IDS);
  let count = 0;
  let since = performance.now();
  for (const piece of tokenizer.pieces(text, { parseSpecial })) {
    if (count + piece.length > ids.length) {
      const longer = new Uint32Array(2 * (count + piece.length));
      longer.set(ids);
      ids = longer;
    }
    ids.set(piece, count);
    count += piece.length;
    if (performance.now() - since < SLICE_MS) continue;
    await yieldMacrotask();
    signal.throwIfAborted();
    since = performance.now();
  }
  return ids.subarray(0, count);
}
