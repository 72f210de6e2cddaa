import { printable } from '../../base/errors.ts';
import { refuseConfig } from '../../format/config/fields.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/errors.ts';
import { missingFile, type ModelFiles } from '../../format/files/model-files.ts';
import { readConfigFile, readTextFiles } from '../../format/hugging-face.ts';
import { MAX_SHARDS, readShardIndex } from '../../format/tensors/shard-index.ts';
import { tensorSet } from '../../format/tensors/tensors.ts';
import { readTorchArchive } from './archive.ts';
import { kindOf, PickleDict } from './pickle-values.ts';
import { StateDict } from './state-dict.ts';
import { checkT6Names, configOfArguments } from './t6-config.ts';
import type { ModelContents } from '../../format/contents.ts';
import type { ByteSource } from '../../format/files/byte-source.ts';
import type { JsonObject, Refuse } from '../../format/files/json.ts';

const SHARD_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,240}\.bin$/;

/**
 * Reads one file of `torch.save`: a state dict with config.json beside it, or a nanoGPT checkpoint,
 * which holds its own configuration.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_NOT_FOUND`, `RESOURCE_LIMIT`,
 *   `CONFIG_INVALID`, `WEIGHTS_TRUNCATED`
 */
export async function readTorch(source: ByteSource, files: ModelFiles): Promise<ModelContents> {
  const { archive, root } = await readDict(source);
  const model = root.entries.get('model');
  const state = new StateDict();
  if (model instanceof PickleDict) {
    const config = configOfArguments(root);
    await state.add(archive, model);
    return contents(state, config, files);
  }
  await state.add(archive, root);
  return contents(state, await readConfigFile(files, refuseJson('config.json')), files);
}

/**
 * Reads the shards that `pytorch_model.bin.index.json` names.
 *
 * @throws TpaError as {@link readTorch}, and `PATH_ESCAPE`
 */
export async function readTorchShards(
  index: ByteSource,
  files: ModelFiles,
): Promise<ModelContents> {
  const shardOf = await readShardIndex(index, SHARD_NAME);
  const shards = new Set(shardOf.values());
  if (shards.size < 1 || shards.size > MAX_SHARDS) {
    throw invalidCheckpoint(`"${printable(index.name)}"`, `1 to ${MAX_SHARDS} shards`, shards.size);
  }
  const state = new StateDict();
  for (const shard of shards) {
    const source = await files.open(shard);
    if (!source) throw missingFile(files, shard);
    const { archive, root } = await readDict(source);
    for (const [name, expected] of shardOf) {
      if (expected !== shard || root.entries.has(name)) continue;
      throw invalidCheckpoint(`"${printable(shard)}"`, `tensor "${printable(name)}"`, 'none');
    }
    await state.add(archive, root);
  }
  return contents(state, await readConfigFile(files, refuseJson('config.json')), files);
}

async function readDict(source: ByteSource) {
  const archive = await readTorchArchive(source);
  const { root } = archive;
  if (root instanceof PickleDict) return { archive, root };
  throw unsupportedCheckpoint(`"${printable(source.name)}"`, 'a dict', kindOf(root));
}

async function contents(
  state: StateDict,
  config: JsonObject,
  files: ModelFiles,
): Promise<ModelContents> {
  checkT6Names(state.tensors);
  return {
    config,
    tensors: tensorSet(state.tensors),
    notes: state.notes,
    async text() {
      const text = await readTextFiles(files, refuseJson);
      if (text.tokenizer) return text;
      return { ...text, notes: ['no tokenizer.json beside the weights: token ids only'] };
    },
  };
}

function refuseJson(file: string): Refuse {
  const isOfTokens = file === 'tokenizer_config.json' || file === 'special_tokens_map.json';
  if (isOfTokens) return refuseConfig(file);
  return (rule, found) => invalidCheckpoint(`"${file}"`, rule, found);
}
