import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { parseConfig } from '../../src/format/config/config.ts';
import { roundToFloat16 } from '../../src/format/tensors/round-half.ts';
import type { TensorEntry } from '../../src/format/tensors/safetensors.ts';
import { expectedTensors } from '../../src/weights/tensors.ts';
import { randomValues } from '../random.ts';
import { largeTokenizer } from './tokenizer.ts';

const FLOAT16_BYTES = 2;
/** Numbers that are made together. */
const PIECE = 2 ** 20;
const HEADER_LENGTH_BYTES = 8;

/** Tells a T6 from other models. */
const MARK = 'transformer.h.0.attn.c_qkv.W_A_q.weight';
const ENTRY: TensorEntry = { name: MARK, dtype: 'F16', shape: [1], offset: 0, byteLength: 2 };

/**
 * Writes a T6 with a tokenizer of 50,257 entries. Its weights are random float16 numbers, such that a
 * product with a row of unit variance has unit variance.
 */
export async function writeRandomModel(folder: string, config: object): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/config.json`, JSON.stringify(config));
  writeFileSync(`${folder}/tokenizer.json`, largeTokenizer(50_257));
  const tensors = expectedTensors(parseConfig(config, new Map([[MARK, ENTRY]])));
  const sizes = tensors.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const file = createWriteStream(`${folder}/model.safetensors`);
  file.write(headerOf(tensors, sizes));
  for (const [at, { shape }] of tensors.entries()) {
    const scale = Math.sqrt(3 / shape.at(-1)!);
    for (let done = 0; done < sizes[at]!; done += PIECE) {
      const count = Math.min(PIECE, sizes[at]! - done);
      const values = randomValues(count, at * 1009 + done + 1).map((value) => value * scale);
      const bytes = new Uint8Array(roundToFloat16(values).buffer, 0, count * FLOAT16_BYTES);
      if (!file.write(bytes)) await once(file, 'drain');
    }
  }
  file.end();
  await once(file, 'close');
}

function headerOf(
  tensors: readonly { name: string; shape: readonly number[] }[],
  sizes: readonly number[],
): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, shape }, at) => {
    const start = end;
    end += sizes[at]! * FLOAT16_BYTES;
    return [name, { dtype: 'F16', shape, data_offsets: [start, end] }];
  });
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const header = new Uint8Array(HEADER_LENGTH_BYTES + text.length);
  new DataView(header.buffer).setBigUint64(0, BigInt(text.length), true);
  header.set(text, HEADER_LENGTH_BYTES);
  return header;
}
