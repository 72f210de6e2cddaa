import { LAYER_NAMES, OUTER_NAMES } from '../../format/gguf/names.ts';
import { T6_EMBEDDING, T6_PARTS } from '../../format/gguf/own/t6.ts';
import type { ModelConfig } from '../../format/config/model-config.ts';

const LAYER = {
  llama: /^model\.layers\.(\d+)\.(.+)$/,
  t6: /^transformer\.h\.(\d+)\.(.+)$/,
} as const;

/** The names of a model's weights in the file, by the names that they have in its layout. */
export function fileNames({
  layout,
}: Pick<ModelConfig, 'layout'>): (name: string) => string | undefined {
  const outer = inverse(layout === 'llama' ? OUTER_NAMES : Object.fromEntries([T6_EMBEDDING]));
  const inner = inverse(layout === 'llama' ? llamaParts() : T6_PARTS);
  return (name) => {
    const [, layer, part = ''] = LAYER[layout].exec(name) ?? [];
    if (layer === undefined) return outer.get(name);
    const found = inner.get(part);
    return found && `blk.${layer}.${found}`;
  };
}

/** A part of a layer has a weight, and may have a bias. */
function llamaParts(): Record<string, string> {
  const parts = Object.entries(LAYER_NAMES).flatMap(([file, part]) =>
    ['weight', 'bias'].map((kind) => [`${file}.${kind}`, `${part}.${kind}`]),
  );
  return Object.fromEntries(parts) as Record<string, string>;
}

function inverse(names: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(names).map(([file, name]) => [name, file]));
}
