import { printable } from '../base/errors.ts';
import { readConfig } from '../format/config/read-config.ts';
import type { ModelContents } from '../format/contents.ts';
import type { ModelFiles } from '../format/files/model-files.ts';
import { type Adapter, type AdapterInfo, openAdapter } from '../lora/adapter.ts';
import { type LoraAdapter, openAdapterFiles } from '../lora/adapter-source.ts';
import { mergeAdapters } from '../lora/merge-adapters.ts';

/** A model, and what adapters have changed in it. */
export interface AdaptedContents extends ModelContents {
  readonly adapters?: readonly AdapterInfo[];
  /** Names of those that were quantised before they were changed. */
  readonly requantized?: ReadonlySet<string>;
}

/**
 * A model with adapters merged into its weights.
 *
 * @param opened takes the files of the adapters, to be closed
 * @throws TpaError as `openAdapter`, and what reading factors throws
 */
export async function withAdapters(
  contents: ModelContents,
  list: readonly Required<LoraAdapter>[],
  opened: ModelFiles[],
): Promise<AdaptedContents> {
  if (list.length === 0) return contents;
  const { tensors, notes } = contents;
  const { entries } = tensors;
  const { isTied } = await readConfig(contents.config, entries);
  const adapters: Adapter[] = [];
  for (const [i, { source, scale }] of list.entries()) {
    const files = await openAdapterFiles(source, `options.lora[${i}].source`);
    opened.push(files);
    adapters.push(await openAdapter(files, files.name, scale, { entries, isTied }));
  }
  const changed = new Set(adapters.flatMap(({ changes }) => changes));
  const requantized = new Set([...changed].filter((name) => entries.get(name)!.blockType));
  return {
    ...contents,
    tensors: await mergeAdapters(adapters, tensors),
    adapters: adapters.map(({ info }) => info),
    requantized,
    notes: [...notes, ...adapters.map(describe)],
  };
}

function describe({ info: { source, scale, rank }, changes }: Adapter): string {
  const times = scale === 1 ? '' : `, times ${scale}`;
  const where = `the adapter "${printable(source, 400)}" of rank ${rank}${times}`;
  return `${where} is merged into ${changes.length} matrices, which are F32 then unless they are rounded`;
}
