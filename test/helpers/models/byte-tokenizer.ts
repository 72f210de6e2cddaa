import type { TextTokenizer } from '../../../src/text/tokenizer.ts';

/** Ids 0 … 255 are bytes, 256 is the special token `<|end|>`: every character is split. */
export const END_ID = 256;

export const byteTokenizer: TextTokenizer = {
  vocabSize: 257,
  specialTokens: new Map([['<|end|>', END_ID]]),
  startIds: [],
  addedTokens: [],
  encode: (text) => [...new TextEncoder().encode(text)],
  pieces: (text) => [[...new TextEncoder().encode(text)]],
  decode(ids, { skipSpecial = false } = {}) {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    if (skipSpecial) return decoder.decode(Uint8Array.from(ids.filter((id) => id !== END_ID)));
    let text = '';
    let bytes: number[] = [];
    for (const id of [...ids, END_ID]) {
      if (id !== END_ID) {
        bytes.push(id);
        continue;
      }
      text += decoder.decode(Uint8Array.from(bytes)) + '<|end|>';
      bytes = [];
    }
    return text.slice(0, -'<|end|>'.length);
  },
};
