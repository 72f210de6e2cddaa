import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AdapterBytes,
  estimateModel,
  loadModel,
  type LoadOptions,
  type LoraAdapter,
  type TpaErrorCode,
} from '../../src/index.ts';
import { type AdapterForm, buildAdapter } from '../helpers/adapters/build-adapter.ts';
import { assertMistakes, CANARY, refused, type Told } from '../helpers/checks/refused.ts';
import {
  buildSafetensors,
  type TensorData,
  withHeader,
} from '../helpers/files/build-safetensors.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';

const test = suite('adapters that are not merged');

const { source: MODEL, tensors: TENSORS } = llamaVariant('llama-untied').build();
const Q = 'base_model.model.model.layers.0.self_attn.q_proj';
const isQ = (path: string) => path.endsWith('.q_proj');

/** Loads the model with one adapter. */
const load = (source: AdapterBytes, options: LoadOptions = {}) =>
  loadModel(MODEL, { backend: 'wasm', lora: [{ source }], ...options });

/** An adapter of q_proj, some keys of its configuration changed. */
const withConfig = (config: Readonly<Record<string, unknown>>, form: AdapterForm = {}) =>
  buildAdapter(TENSORS, { has: isQ, config, ...form }).source;

/** An adapter of q_proj, its tensors changed. */
function withTensors(change: (tensors: TensorData[]) => readonly TensorData[]): AdapterBytes {
  const { source, factors } = buildAdapter(TENSORS, { has: isQ });
  return { ...source, weights: buildSafetensors(change([...factors])) };
}

const swap = ({ shape: [a, b], ...rest }: TensorData) => ({ ...rest, shape: [b!, a!] });

/** Loads with an option of any kind. */
const mistake = (lora: unknown) => () => loadModel(MODEL, { lora: lora as readonly LoraAdapter[] });

test('what PEFT can say and is not merged, by its name and with the cure', async () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ use_dora: true }, /"use_dora" expected nothing, .*merge it into the model with PEFT/],
    [{ lora_bias: true }, /"lora_bias" .*merge_and_unload/],
    [{ modules_to_save: ['lm_head'] }, /"modules_to_save" .*replaces whole weights/],
    [{ trainable_token_indices: [1, 2] }, /"trainable_token_indices"/],
    [{ trainable_token_indices: { embed_tokens: [1] } }, /"trainable_token_indices"/],
    [{ target_parameters: ['mlp.experts.down_proj'] }, /"target_parameters"/],
    [{ layer_replication: [[0, 2]] }, /"layer_replication"/],
    [{ ensure_weight_tying: true }, /"ensure_weight_tying"/],
    [{ use_qalora: true }, /"use_qalora"/],
    [{ arrow_config: { top_k: 3 } }, /"arrow_config"/],
    [{ alora_invocation_tokens: [1, 2] }, /"alora_invocation_tokens" .*cannot be merged/],
    [{ bias: 'all' }, /"bias" expected "none", got "all"/],
    [{ bias: 'lora_only' }, /"bias" expected "none", got "lora_only"/],
    [{ peft_type: 'LOHA' }, /"peft_type" expected "LORA", got "LOHA"/],
    [{ init_lora_weights: 'pissa_niter_16' }, /"init_lora_weights" .*path_initial_model/],
    [{ init_lora_weights: 'loftq' }, /"init_lora_weights"/],
    [{ rank_pattern: { '(a+)\\1': 4 } }, /"rank_pattern" .*linear time/],
    [{ target_modules: '(?<=q_)proj' }, /"target_modules" .*linear time/],
    [{ target_modules: 'q'.repeat(2000) }, /"target_modules" .*linear time/],
  ];
  for (const [config, message] of cases) {
    await refused(() => load(withConfig(config)), 'MODEL_UNSUPPORTED', message);
  }
});

test('a configuration that is none', async () => {
  const bad: Record<string, unknown>[] = [
    { peft_type: undefined },
    { peft_type: 7 },
    { r: 0 },
    { r: -8 },
    { r: 2.5 },
    { r: '8' },
    { r: 1e12 },
    { lora_alpha: 'x' },
    { lora_alpha: 1e300 },
    { lora_alpha: -1 },
    { use_rslora: 'yes' },
    { fan_in_fan_out: 1 },
    { bias: true },
    { init_lora_weights: 3 },
    { rank_pattern: [4] },
    { rank_pattern: 'q_proj' },
    { rank_pattern: { [CANARY]: 0 } },
    { rank_pattern: { q_proj: 1e9 } },
    { alpha_pattern: { q_proj: null } },
    { alpha_pattern: { q_proj: -1 } },
    { rank_pattern: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`m${i}`, 4])) },
    { target_modules: 5 },
    { target_modules: { q_proj: true } },
    { target_modules: ['q_proj', 3] },
    { target_modules: Array.from({ length: 5000 }, () => 'q_proj') },
    { exclude_modules: 5 },
    { layers_to_transform: 'all' },
    { layers_to_transform: [0.5] },
  ];
  for (const config of bad) {
    await refused(() => load(withConfig(config)), 'CONFIG_INVALID', JSON.stringify(config));
  }
  const { weights } = withConfig({});
  for (const config of [`{"r": ${CANARY}`, '[]', 'null', '', '<!doctype html>']) {
    await refused(() => load({ config, weights }), 'CONFIG_INVALID', config);
  }
  await refused(() => load({ config: ' '.repeat(2 ** 21), weights }), 'RESOURCE_LIMIT');
});

test('expressions that take an engine forever are done in no time', async () => {
  const config = { target_modules: '(a+)+$', alpha_pattern: { '(a|a)+x': 2 } };
  await refused(() => load(withConfig(config)), 'MODEL_MISMATCH', /"target_modules"/);
});

test('an adapter of another model: the first module that does not fit', async () => {
  const cases: [AdapterBytes, RegExp][] = [
    [
      buildAdapter(mechanismVariant('tpa').build().tensors, {
        has: (path) => path.includes('.attn.'),
      }).source,
      /module "transformer\.h\.0\.attn\.c_qkv\.W_A_q" expected a matrix of the model, found none/,
    ],
    [
      buildAdapter(llamaVariant('llama-mqa').build().tensors, { has: isQ }).source,
      /module "model\.layers\.2\.self_attn\.q_proj" expected a matrix of the model/,
    ],
    [
      buildAdapter(llamaVariant('tinyllama-like').build().tensors, { has: isQ }).source,
      /factor A of module "model\.layers\.0\.self_attn\.q_proj" expected \[4, 48\], found \[4, 64\]/,
    ],
    [
      buildAdapter(TENSORS, { has: (path) => path.includes('layers.0.') && isQ(path) }).source,
      /module "model\.layers\.1\.self_attn\.q_proj" expected factors, .*smaller model/,
    ],
  ];
  for (const [source, message] of cases) {
    await refused(() => load(source), 'MODEL_MISMATCH', message);
    await refused(() => estimateModel(MODEL, { lora: [{ source }] }), 'MODEL_MISMATCH', message);
  }
});

test('factors that are no pair, or of other shapes', async () => {
  const renamed = (name: string) => withTensors(([a, ...rest]) => [{ ...a!, name }, ...rest]);
  const cases: [AdapterBytes, RegExp][] = [
    [withTensors(() => []), /expected factors of at least one module, found none/],
    [withTensors(([a, , ...rest]) => [a!, ...rest]), /factor B of module "model.*expected \[/],
    [withTensors(([, b, ...rest]) => [b!, ...rest]), /factor A of module/],
    [withTensors(([a, b, ...rest]) => [swap(a!), b!, ...rest]), /factor A of module/],
    [withTensors(([a, b, ...rest]) => [a!, swap(b!), ...rest]), /factor B of module/],
    [withConfig({ r: 8 }), /factor A of .* expected \[8, 48\], found \[4, 48\]/],
    [withConfig({ rank_pattern: { q_proj: 2 } }), /expected \[2, 48\], found \[4, 48\]/],
    [withConfig({ target_modules: ['k_proj'] }), /one of "target_modules"/],
    [withConfig({ target_modules: '.*k_proj' }), /one of "target_modules"/],
    [withConfig({ exclude_modules: ['q_proj'] }), /one of "target_modules"/],
    [withConfig({ layers_to_transform: [1] }), /layers\.0.* expected one of "target_modules"/],
    [renamed(`${Q}.lora_magnitude_vector`), /lora_magnitude_vector" expected a name such as/],
    [renamed(`${Q}.lora_B.bias`), /expected a name such as base_model\.model\.MODULE/],
    [renamed('model.layers.0.self_attn.q_proj.lora_A.weight'), /expected a name such as/],
    [renamed('base_model.model.lm_head.weight'), /expected a name such as/],
    [renamed(`${Q}.lora_embedding_A`), /expected two factors, found those of both/],
    [
      withTensors((all) =>
        all.map((one) => ({ ...one, name: one.name.replace('q_proj', 'o_norm') })),
      ),
      /o_norm" expected a matrix of the model/,
    ],
    [
      withTensors((all) =>
        all.map((one) => ({
          ...one,
          name: one.name.replace('self_attn.q_proj', 'input_layernorm'),
        })),
      ),
      /input_layernorm" expected a matrix of the model/,
    ],
    [
      withTensors((all) =>
        all.map((one) => ({
          ...one,
          name: one.name.replace(/lora_([AB]).weight/, 'lora_embedding_$1'),
        })),
      ),
      /expected factors of a linear layer, found others/,
    ],
  ];
  for (const [source, message] of cases) {
    await refused(() => load(source), 'MODEL_MISMATCH', message);
  }
});

test('a file that is damaged', async () => {
  const good = withConfig({});
  const bytes = good.weights;
  const [a] = buildAdapter(TENSORS, { has: isQ }).factors;
  const nan = withTensors(([first, ...rest]) => [
    { ...first!, data: Float32Array.from(first!.data, (x, i) => (i === 7 ? NaN : x)) },
    ...rest,
  ]);
  const entry = `{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`;
  const twice = `{"${a!.name}":${entry},"${a!.name}":${entry}}`;
  const cases: [Uint8Array | Blob, TpaErrorCode, ...Told[]][] = [
    [bytes.slice(0, 5), 'WEIGHTS_TRUNCATED'],
    [bytes.slice(0, 100), 'WEIGHTS_TRUNCATED'],
    [bytes.slice(0, -1), 'WEIGHTS_TRUNCATED'],
    [new Blob([bytes.slice(0, -1)]), 'WEIGHTS_TRUNCATED'],
    [nan.weights as Uint8Array, 'WEIGHTS_NONFINITE', /element 7 is NaN/],
    [withHeader(twice, new Uint8Array(4)), 'WEIGHTS_DUPLICATE_NAME'],
    [withHeader('{"x":1}'), ['WEIGHTS_HEADER_JSON'] as never],
    [
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'),
      'WEIGHTS_HEADER_SIZE',
    ],
  ];
  for (const [weights, code, ...told] of cases) {
    await refused(() => load({ ...good, weights }), code, ...told);
  }
});

test('a sum that float32 does not hold is no number', async () => {
  const huge = withTensors((all) =>
    all.map((one) => ({ ...one, data: new Float32Array(one.data.length).fill(1e30) })),
  );
  await refused(() => load(huge), 'WEIGHTS_NONFINITE', /q_proj\.weight" is not finite/);
});

test('an embedding that is also the output projection', async () => {
  const { source, tensors } = llamaVariant('llama-gqa').build();
  const adapter = buildAdapter(tensors, { has: (path) => path.includes('embed_tokens') });
  const lora = [{ source: adapter.source }];
  const told = /"model\.embed_tokens", but .*"tie_word_embeddings": false/;
  await refused(() => loadModel(source, { lora }), 'MODEL_UNSUPPORTED', told);
  const t6 = mechanismVariant('tpa').build();
  const of = buildAdapter(t6.tensors, { has: (path) => path === 'transformer.wte' });
  const how = { lora: [{ source: of.source }] };
  await refused(() => loadModel(t6.source, how), 'MODEL_UNSUPPORTED', /"transformer\.wte"/);
});

test('keys that only training reads are none of loading, unknown ones are told', async () => {
  const source = withConfig({
    revision: null,
    layers_pattern: null,
    loftq_config: {},
    eva_config: null,
    runtime_config: { ephemeral_gpu_offload: false },
    megatron_core: 'megatron.core',
    fan_in_fan_out: true,
    peft_version: '0.18.0',
    exclude_modules: null,
    made_up: 7,
  });
  using model = await load(source);
  const [adapter] = model.info().adapters;
  assert.equal(adapter, {
    source: 'bytes',
    scale: 1,
    rank: 4,
    modules: 2,
    ignoredKeys: ['made_up'],
  });
});

test('target modules in every form that PEFT writes', async () => {
  for (const config of [
    { target_modules: ['q_proj'] },
    { target_modules: ['q_proj', 'q_proj'] },
    { target_modules: ['model.layers.0.self_attn.q_proj', 'layers.1.self_attn.q_proj'] },
    { target_modules: 'all-linear' },
    { target_modules: null },
    { target_modules: String.raw`model\.layers\.\d+\.self_attn\.(q|x)_proj` },
    { target_modules: String.raw`(?:.*?(?:self_attn|mlp).*?(?:q_proj|dense).*?)|(?:\bmodel\.x)` },
    { target_modules: ['q_proj', 'k_proj'], exclude_modules: String.raw`.*\.k_proj` },
    { target_modules: ['q_proj'], layers_to_transform: [0, 1], layers_pattern: 'layers' },
  ]) {
    using model = await load(withConfig(config));
    assert.is(model.info().adapters[0]!.modules, 2, JSON.stringify(config));
  }
  const source = withConfig(
    { layers_to_transform: 1 },
    { has: (p) => isQ(p) && p.includes('.1.') },
  );
  using one = await load(source);
  assert.is(one.info().adapters[0]!.modules, 1);
});

test('options that are none', async () => {
  const { source } = buildAdapter(TENSORS, { has: isQ });
  await assertMistakes([
    [mistake(null), TypeError, /^"lora" expected an array of at most 64 adapters, got null/],
    [mistake('hf:a/b'), TypeError, /^"lora" expected an array/],
    [mistake({ source }), TypeError, /^"lora" expected an array/],
    [mistake(Array.from({ length: 65 }, () => ({ source }))), TypeError, /^"lora" expected/],
    [mistake(['hf:a/b']), TypeError, /^"lora\[0\]" expected an object, got string/],
    [mistake([{ source }, { path: 'x' }]), TypeError, /^"path" is not a field of an adapter/],
    [mistake([{}]), TypeError, /^"lora\[0\]\.source" expected a path, .* got undefined/],
    [mistake([{ source: new Uint8Array(8) }]), TypeError, /^"lora\[0\]\.source" expected/],
    [mistake([{ source: { weights: 5 } }]), TypeError, /^"lora\[0\]\.source\.config" expected/],
    [
      mistake([{ source: { config: {}, weights: 5 } }]),
      TypeError,
      /^"lora\[0\]\.source\.weights" expected a Uint8Array or an ArrayBuffer or a Blob/,
    ],
    [mistake([{ source, scale: '1' }]), TypeError, /^"lora\[0\]\.scale" expected a number/],
    [mistake([{ source, scale: NaN }]), RangeError, /^"lora\[0\]\.scale" expected a number/],
    [mistake([{ source, scale: 1001 }]), RangeError, /^"lora\[0\]\.scale" .*-1000\.\.1000/],
    [mistake([{ source: 'hf:a' }]), TypeError, /^"lora\[0\]\.source" expected hf:ORG\/NAME/],
    [
      () => loadModel(MODEL, { lora: [{ source }], endpoint: 'https://x.test' }),
      TypeError,
      /^"endpoint" expected an hf: address/,
    ],
    [
      () => loadModel(MODEL, { lora: [{ source }], fetch: async () => new Response() }),
      TypeError,
      /^"fetch" expected/,
    ],
  ]);
});

test.run();
