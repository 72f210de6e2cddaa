import { Fields } from '../format/config/fields.ts';
import { LIMITS } from '../format/config/limits.ts';
import type { JsonObject } from '../format/files/json.ts';
import { endingWith, matching, type ModuleMatcher } from './module-patterns.ts';
import { refuseUnsupported } from './unsupported.ts';

/** What an adapter_config.json says of the factors beside it. */
export interface AdapterConfig {
  /** Rows of A and columns of B. */
  rankOf(path: string): number;
  /** What B · A is multiplied by: α / r, with rank-stabilised LoRA α / √r. */
  factorOf(path: string): number;
  /** Whether a module of this path was to be trained; true for all where the file does not say. */
  isTarget(path: string): boolean;
  /** Whether the file says which modules were to be trained. */
  readonly namesTargets: boolean;
  /** Rank where no pattern gives another. */
  readonly rank: number;
  /** Keys that nothing reads. */
  readonly ignoredKeys: readonly string[];
}

export const CONFIG_FILE = 'adapter_config.json';

/** What PEFT takes where a file says nothing. */
const DEFAULT_RANK = 8;
const DEFAULT_ALPHA = 8;
/** Ranks are 4 to 256 in use, α as large or twice that. */
const MAX_RANK = LIMITS.dim;
const MAX_ALPHA = 2 ** 20;
/** One for each module of a hundred layers, and more. */
const MAX_PATTERNS = 1024;
const MAX_TARGETS = 4096;
/** Stands for every linear layer, which the tensors of the file then name. */
const ALL_LINEAR = /^all-linear$/i;

/**
 * Checks an adapter_config.json as PEFT writes it.
 *
 * @throws TpaError `CONFIG_INVALID`, `MODEL_UNSUPPORTED`
 */
export async function readAdapterConfig(json: unknown): Promise<AdapterConfig> {
  const fields = new Fields(json, CONFIG_FILE);
  refuseUnsupported(fields);
  const rank = fields.integer('r', 1, MAX_RANK, DEFAULT_RANK);
  const alpha = fields.number('lora_alpha', 0, MAX_ALPHA, DEFAULT_ALPHA);
  const isStabilised = fields.boolean('use_rslora');
  const ranks = await readPatterns(
    fields,
    'rank_pattern',
    `integers in 1..${MAX_RANK}`,
    (value) => Number.isInteger(value) && value >= 1 && value <= MAX_RANK,
  );
  const alphas = await readPatterns(
    fields,
    'alpha_pattern',
    `numbers in 0..${MAX_ALPHA}`,
    (value) => value >= 0 && value <= MAX_ALPHA,
  );
  const isNamed = await readModules(fields, 'target_modules');
  const isExcluded = await readModules(fields, 'exclude_modules');
  const isInLayer = readLayers(fields);
  const rankOf = (path: string) => ranks(path) ?? rank;
  fields.get('base_model_name_or_path');
  return {
    rank,
    rankOf,
    factorOf(path) {
      const r = rankOf(path);
      return (alphas(path) ?? alpha) / (isStabilised ? Math.sqrt(r) : r);
    },
    isTarget: (path) => isNamed?.(path) !== false && isExcluded?.(path) !== true && isInLayer(path),
    namesTargets: isNamed !== undefined,
    ignoredKeys: fields.ignored(),
  };
}

/** Numbers by patterns of the ends of paths: the first that fits counts, as in PEFT. */
async function readPatterns(
  fields: Fields,
  key: string,
  expected: string,
  isValid: (value: number) => boolean,
): Promise<(path: string) => number | undefined> {
  const json = fields.get(key) ?? {};
  if (typeof json !== 'object' || Array.isArray(json)) {
    throw fields.invalid(key, 'an object', json);
  }
  const entries = Object.entries(json as JsonObject);
  if (entries.length > MAX_PATTERNS) {
    throw fields.invalid(key, `at most ${MAX_PATTERNS} patterns`, entries.length);
  }
  const refuse = () => fields.unsupported(key, LINEAR_TIME, 'another');
  const numbers: { readonly fits: ModuleMatcher; readonly value: number }[] = [];
  for (const [source, value] of entries) {
    if (typeof value !== 'number' || !isValid(value)) throw fields.invalid(key, expected, value);
    numbers.push({ fits: await matching(source, true, refuse), value });
  }
  return (path) => numbers.find(({ fits }) => fits(path))?.value;
}

const LINEAR_TIME = 'regular expressions of at most 1000 characters that run in linear time';

/** A list of names, or a regular expression; undefined where there is none, or it means all. */
async function readModules(fields: Fields, key: string): Promise<ModuleMatcher | undefined> {
  const value = fields.get(key);
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    if (ALL_LINEAR.test(value)) return undefined;
    return matching(value, false, () => fields.unsupported(key, LINEAR_TIME, 'another'));
  }
  const names: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  if (!names.every((name) => typeof name === 'string')) {
    throw fields.invalid(key, 'names of modules in an array, or a regular expression', value);
  }
  if (names.length > MAX_TARGETS) {
    throw fields.invalid(key, `at most ${MAX_TARGETS} names`, names.length);
  }
  return names.length === 0 ? undefined : endingWith(names);
}

/** Whether a module is in one of the layers that were trained, or in none that is numbered. */
function readLayers(fields: Fields): ModuleMatcher {
  const layers = fields.integers('layers_to_transform', 0, LIMITS.layers, LIMITS.layers);
  if (layers.length === 0) return () => true;
  const numbers = new Set(layers);
  return (path) => numbers.has(Number(/\.(\d+)\./.exec(path)?.[1]));
}
