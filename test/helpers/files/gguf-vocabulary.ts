import { ggufArray, ggufValue, type GgufParts } from './build-gguf.ts';

type Metadata = GgufParts['metadata'];

/** A template in the shape of ChatML, by tokens that both vocabularies have. */
const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}{{ '<|turn|>' + m.role + ': ' + m.content + eos_token }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|turn|>assistant: ' }}{% endif %}";

/** The byte-level alphabet: visible Latin-1 stands for itself, the rest for U+0100 and up. */
export function byteLevelAlphabet(): string[] {
  let shifted = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(isVisible ? byte : shifted++);
  });
}

/** The bytes as SentencePiece writes those that are in no piece. */
export const BYTE_PIECES = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

/** Metadata of a byte-level vocabulary of 262 tokens. */
export function byteLevelMetadata(): Metadata {
  const tokens = [...byteLevelAlphabet(), 'th', 'the', 'Ġthe', '<|begin|>', '<|end|>', '<|turn|>'];
  return [
    ['tokenizer.ggml.model', ggufValue('gpt2')],
    ['tokenizer.ggml.pre', ggufValue('llama-bpe')],
    ['tokenizer.ggml.tokens', ggufArray(tokens)],
    ['tokenizer.ggml.token_type', ggufArray(tokens.map((_, id) => (id < 259 ? 1 : 3)))],
    ['tokenizer.ggml.merges', ggufArray(['t h', 'th e', 'Ġ the'])],
    ...endings(259, 260),
  ];
}

/** Metadata of a SentencePiece vocabulary of 268 tokens. */
export function sentencePieceMetadata(): Metadata {
  const pieces = ['\u2581', 't', 'h', 'e', 'th', 'the', '\u2581the', '\u2581\u2581'];
  const tokens = ['<unk>', '<s>', '</s>', '<|turn|>', ...BYTE_PIECES, ...pieces];
  const types = tokens.map((_, id) => [2, 3, 3, 3][id] ?? (id < 260 ? 6 : 1));
  return [
    ['tokenizer.ggml.model', ggufValue('llama')],
    ['tokenizer.ggml.tokens', ggufArray(tokens)],
    ['tokenizer.ggml.token_type', ggufArray(types)],
    [
      'tokenizer.ggml.scores',
      ggufArray(
        tokens.map((_, id) => (id < 264 ? 0 : 263 - id)),
        true,
      ),
    ],
    ...endings(1, 2),
  ];
}

function endings(bos: number, eos: number): Metadata {
  return [
    ['tokenizer.ggml.bos_token_id', ggufValue(bos)],
    ['tokenizer.ggml.eos_token_id', ggufValue(eos)],
    ['tokenizer.chat_template', ggufValue(TEMPLATE)],
  ];
}
