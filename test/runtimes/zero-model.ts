import { truncateSync, writeFileSync } from 'node:fs';
import { parseConfig } from '../../src/format/config/config.ts';
import { expectedTensors } from '../../src/weights/tensors.ts';
import { withHeader } from '../helpers/files/build-safetensors.ts';
import { TRAINED_JSON } from '../helpers/files/tokenizer-json.ts';
import { attention } from '../helpers/models/tiny-configs.ts';

const FLOAT16_BYTES = 2;

/**
 * 10 million weights: 256 tokens take more than a second in every runtime, and the file is within
 * the 25 MiB that Cloudflare takes.
 */
export const SLOW = {
  model_type: 't6',
  attention: 'tpa',
  vocab_size: 2048,
  n_layer: 8,
  n_embd: 320,
  n_head: 32,
  head_dim: 32,
  rank: 2,
  q_rank: 4,
  block_size: 512,
};

/**
 * Writes a T6 whose weights are all zero, so that the file is a hole: it costs no disk whatever
 * its size, computes as long as any other, and every token is as likely as the next.
 *
 * @returns bytes of the weights' file
 */
export function writeZeroModel(folder: string, config: object): number {
  let end = 0;
  const tensors = expectedTensors(parseConfig(config, attention(['c_qkv.W_A_q.weight'])));
  const header = tensors.map(({ name, shape }) => {
    const start = end;
    end += shape.reduce((product, size) => product * size, FLOAT16_BYTES);
    return [name, { dtype: 'F16', shape, data_offsets: [start, end] }];
  });
  const file = `${folder}/model.safetensors`;
  const head = withHeader(JSON.stringify(Object.fromEntries(header)));
  writeFileSync(file, head);
  truncateSync(file, head.length + end);
  writeFileSync(`${folder}/config.json`, JSON.stringify(config));
  writeFileSync(`${folder}/tokenizer.json`, TRAINED_JSON);
  return head.length + end;
}
