import { readTorch } from '../../../src/convert/torch/contents.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { parseConfig } from '../../../src/format/config/config.ts';
import { openContents } from '../../../src/format/open-contents.ts';
import { openModelFiles } from '../../../src/format/files/model-source.ts';
import { readGguf } from '../../../src/format/gguf/contents.ts';
import { readGgufHeader } from '../../../src/format/gguf/header.ts';
import { readSafetensorsHeader } from '../../../src/format/tensors/safetensors.ts';
import { buildTorch, orderedDict, pickled } from '../../helpers/files/build-torch.ts';
import { withHeader } from '../../helpers/files/build-safetensors.ts';
import { convertedBytes, folderCheckpoint } from '../../helpers/files/converted.ts';
import { byteLevelJson } from '../../helpers/files/tokenizer-json.ts';
import { mechanismVariant } from '../../helpers/models/mechanism-model.ts';
import { splitGguf } from '../../helpers/files/build-gguf.ts';
import { chatGguf, chatGgufParts } from '../../helpers/files/chat-gguf.ts';
import { byteLevelMetadata, sentencePieceMetadata } from '../../helpers/files/gguf-vocabulary.ts';
import { three } from '../../helpers/files/header-files.ts';
import { mutated, mutatedBytes } from '../mutate.ts';
import { holds, target } from '../target.ts';

const DATA = new Uint8Array(24);

/** The header of a safetensors file, as JSON and as bytes. */
export const SAFETENSORS = target<Uint8Array>({
  name: 'safetensors',
  make(draw) {
    const header = draw.chance(0.7) ? mutated(three(), draw, ['d', '__metadata__']) : three();
    const file = withHeader(JSON.stringify(header), DATA);
    return draw.chance(0.5) ? mutatedBytes(file, draw) : file;
  },
  async run(bytes) {
    const entries = await readSafetensorsHeader(bytesSource('f.safetensors', bytes));
    let end = 0;
    for (const { offset, byteLength, shape } of entries.values()) {
      holds(offset >= 8 && offset + byteLength <= bytes.length, 'tensors lie in the file');
      holds(
        shape.every((size) => Number.isSafeInteger(size) && size >= 0),
        'shapes',
      );
      end += byteLength;
    }
    holds(end <= bytes.length, 'tensors do not overlap');
  },
});

/** A T6 as it is written here, with its tokenizer inside. */
const T6_FILE = await convertedBytes(
  await folderCheckpoint({
    ...mechanismVariant('tpa-partial-decay').build().source,
    tokenizer: byteLevelJson([]),
  }),
  { format: 'gguf' },
);

/** Files of both kinds of vocabulary and of both layouts, and where their weights begin. */
const GGUF_FILES = await Promise.all(
  [
    chatGguf(byteLevelMetadata()),
    chatGguf(sentencePieceMetadata()),
    T6_FILE.get('model.gguf')!,
  ].map(async (whole) => {
    const { tensors } = await readGgufHeader(bytesSource('f.gguf', whole));
    return {
      whole,
      headerLength: Math.min(...Array.from(tensors.values(), ({ offset }) => offset)),
    };
  }),
);

/** Header, metadata and vocabulary of a GGUF file. */
export const GGUF = target<Uint8Array>({
  name: 'gguf',
  make(draw) {
    const { whole, headerLength } = draw.pick(GGUF_FILES);
    const header = mutatedBytes(whole.subarray(0, headerLength), draw);
    if (header.length < headerLength) return header;
    const file = whole.slice();
    file.set(header);
    return file;
  },
  async run(bytes) {
    const { tensors, text } = await readGguf(bytesSource('f.gguf', bytes));
    for (const { offset, byteLength } of tensors.entries.values()) {
      holds(offset + byteLength <= bytes.length, 'tensors lie in the file');
    }
    await text();
  },
});

/** Files of a split model, and where the weights of each begin. */
const GGUF_SETS = await Promise.all(
  [1, 2, 3].map(async (count) => {
    const parts = splitGguf(chatGgufParts(byteLevelMetadata()), count);
    return Promise.all(
      Array.from(parts.values(), async (whole) => {
        const { tensors } = await readGgufHeader(bytesSource('f.gguf', whole));
        const offsets = Array.from(tensors.values(), ({ offset }) => offset);
        return { whole, headerLength: Math.min(...offsets) };
      }),
    );
  }),
);

/** A model in GGUF files as it is loaded: parts damaged, lost, there twice, in any order. */
export const GGUF_PARTS = target<Uint8Array[]>({
  name: 'gguf-parts',
  make(draw) {
    const parts = draw.pick(GGUF_SETS).map(({ whole, headerLength }) => {
      if (draw.chance(0.4)) return whole;
      const header = mutatedBytes(whole.subarray(0, headerLength), draw);
      if (header.length < headerLength) return header;
      const file = whole.slice();
      file.set(header);
      return draw.chance(0.2) ? file.slice(0, draw.integer(0, file.length)) : file;
    });
    if (draw.chance(0.2)) parts.reverse();
    if (draw.chance(0.1)) parts.push(draw.pick(parts));
    if (parts.length > 1 && draw.chance(0.1)) parts.pop();
    return parts;
  },
  async run(parts) {
    const files = await openModelFiles({ gguf: parts });
    const { config, tensors, text } = await openContents(files);
    parseConfig(config, tensors.entries);
    for (const { name, byteLength } of tensors.entries.values()) {
      const last = new Uint8Array(Math.min(byteLength, 4096));
      await tensors.readStored(name, byteLength - last.length, last);
    }
    await text();
  },
});

const STORAGE = { storage: '0', type: 'FloatStorage', length: 12, shape: [3, 4] };
const PICKLE = pickled(
  orderedDict(
    new Map([
      ['transformer.wte.weight', STORAGE],
      ['transformer.h.0.attn.c_proj.weight', { ...STORAGE, storage: '1', shape: [12] }],
    ]),
  ),
);
const STORAGES = new Map(['0', '1'].map((key) => [key, new Uint8Array(48)]));
const BESIDE = await openModelFiles({ config: {}, weights: new Uint8Array() });

/** A pickle and the archive around it. */
export const TORCH = target<Uint8Array>({
  name: 'torch',
  make(draw) {
    const pickle = draw.chance(0.7) ? mutatedBytes(PICKLE, draw) : PICKLE;
    const file = buildTorch(pickle, STORAGES);
    return draw.chance(0.4) ? mutatedBytes(file, draw) : file;
  },
  async run(bytes) {
    await readTorch(bytesSource('pytorch_model.bin', bytes), BESIDE);
  },
});
