/** Ids of {@link sentencePieceJson}: bytes from here on, then letters and words. */
export const FIRST_BYTE = 3;

/** Where SentencePiece's converters put the space before the first word. */
export type PrefixStyle = 'legacy' | 'first' | 'always';

/**
 * A tokenizer.json as converters write it for LLaMA 2, Mistral and TinyLlama: byte-pair encoding of
 * words that begin with ▁, with bytes to fall back to. 0 <unk>, 1 <s>, 2 </s>.
 */
export function sentencePieceJson(words: readonly string[], style: PrefixStyle = 'legacy'): object {
  const tokens = ['<unk>', '<s>', '</s>'];
  for (let byte = 0; byte < 256; byte++) {
    tokens.push(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  }
  const merges: string[][] = [];
  tokens.push(...new Set(words.join('')));
  for (const word of words) {
    for (let end = 2; end <= word.length; end++) {
      if (tokens.includes(word.slice(0, end))) continue;
      tokens.push(word.slice(0, end));
      merges.push([word.slice(0, end - 1), word[end - 1]!]);
    }
  }
  const isLegacy = style === 'legacy';
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: style, split: false };
  return {
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: isLegacy
      ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace] }
      : null,
    pre_tokenizer: isLegacy ? null : metaspace,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}
