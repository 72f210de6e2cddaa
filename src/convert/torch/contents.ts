import { readChatConfig } from '../../format/config/chat-files.ts';
import { MAX_CONFIG_BYTES, parseConfigBytes } from '../../format/config/config.ts';
import { missingFile, readModelFile } from '../../format/files/model-files.ts';
import { printable } from '../../base/printable.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/checkpoint-error.ts';
import { readJsonBeside } from '../../format/files/json-beside.ts';
import { kindOf, PickleDict } from './pickle-values.ts';
import { readShardIndex } from '../../format/tensors/shard-index.ts';
import { StateDict } from './state-dict.ts';
import { checkT6Names, configOfArguments } from './t6-config.ts';
import { readTorchArchive } from './archive.ts';
import type { ByteSource } from '../../format/files/byte-source.ts';
import type { ModelFiles } from '../../format/files/model-files.ts';
import type { CheckpointContents, JsonObject } from '../../format/contents.ts';

/**
 * Reads one file of `torch.save`: a state dict with config.json beside it, or a nanoGPT checkpoint,
 * which holds its own configuration.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_NOT_FOUND`, `RESOURCE_LIMIT`,
 *   `CONFIG_INVALID`, `WEIGHTS_TRUNCATED`
 */
export async function readTorchCheckpoint(
  source: ByteSource,
  files: ModelFiles,
): Promise<CheckpointContents> {
  const archive = await readTorchArchive(source);
  const file = `"${printable(source.name)}"`;
  const { root } = archive;
  if (!(root instanceof PickleDict)) throw unsupportedCheckpoint(file, 'a dict', kindOf(root));
  const model = root.entries.get('model');
  const state = new StateDict();
  if (model instanceof PickleDict) {
    const config = configOfArguments(root);
    await state.add(archive, model);
    return contents(state, config, files);
  }
  await state.add(archive, root);
  return contents(state, await readConfig(files), files);
}

/**
 * Reads the shards that `pytorch_model.bin.index.json` names.
 *
 * @throws TpaError as {@link readTorchCheckpoint}, and `PATH_ESCAPE`
 */
export async function readTorchShards(
  index: ByteSource,
  files: ModelFiles,
): Promise<CheckpointContents> {
  const shardOf = await readShardIndex(index);
  const state = new StateDict();
  for (const shard of new Set(shardOf.values())) {
    const source = await files.open(shard);
    if (!source) throw missingFile(files, shard);
    const archive = await readTorchArchive(source);
    if (!(archive.root instanceof PickleDict)) {
      throw unsupportedCheckpoint(`"${printable(shard)}"`, 'a dict', kindOf(archive.root));
    }
    for (const [name, expected] of shardOf) {
      if (expected !== shard || archive.root.entries.has(name)) continue;
      throw invalidCheckpoint(`"${printable(shard)}"`, `tensor "${printable(name)}"`, 'none');
    }
    await state.add(archive, archive.root);
  }
  return contents(state, await readConfig(files), files);
}

async function contents(
  state: StateDict,
  config: JsonObject,
  files: ModelFiles,
): Promise<CheckpointContents> {
  checkT6Names(state.tensors);
  const tokenizer = await readJsonBeside(files, 'tokenizer.json');
  const chat = await readChatConfig(files);
  const ownConfig = await readJsonBeside(files, 'tokenizer_config.json');
  // A chat_template.jinja goes before the template of tokenizer_config.json: one file says it.
  const tokenizerConfig = chat ? { ...ownConfig, chat_template: chat.template } : ownConfig;
  const generationConfig = await readJsonBeside(files, 'generation_config.json');
  const notes = [...state.notes];
  if (!tokenizer) notes.push('no tokenizer.json beside the weights: token ids only');
  return {
    format: 'torch',
    family: 'T6',
    config,
    tensors: [...state.tensors.values()],
    ...(tokenizer && { tokenizer }),
    ...(tokenizerConfig && { tokenizerConfig }),
    ...(generationConfig && { generationConfig }),
    notes,
  };
}

async function readConfig(files: ModelFiles): Promise<JsonObject> {
  const json = parseConfigBytes(await readModelFile(files, 'config.json', MAX_CONFIG_BYTES));
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw invalidCheckpoint('"config.json"', 'an object', 'another value');
}
