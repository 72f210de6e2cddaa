import { suite } from 'uvu';
import { assertClose } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { llamaLogits } from './llama.ts';

const test = suite('llamaLogits(), two tokens written out');

// one layer of one head of two features, so that RoPE turns by the position itself; three inner
// features, five tokens in the vocabulary
type Vector = number[];

const EPS = 0.01;
const CONFIG = {
  hidden_size: 2,
  intermediate_size: 3,
  num_attention_heads: 1,
  num_key_value_heads: 1,
  num_hidden_layers: 1,
  max_position_embeddings: 8,
  rms_norm_eps: EPS,
  rope_theta: 10000,
  head_dim: 2,
};

for (const { name, config } of [
  { name: 'Llama, all biases, untied', config: { attention_bias: true, mlp_bias: true } },
  { name: 'Mistral, no biases, untied', config: {} },
  { name: 'Qwen2, biases of q, k and v, tied', config: { tie_word_embeddings: true } },
  { name: 'Qwen3, head norms, untied', config: {} },
  {
    name: 'Qwen3, head norms and biases of attention, tied',
    config: { attention_bias: true, tie_word_embeddings: true },
  },
]) {
  test(`${name}: within 1e-12`, () => {
    const family = name.slice(0, name.indexOf(','));
    const { tensors, vector, linear } = weights();
    const isTied = 'tie_word_embeddings' in config;
    const hasAttentionBias = 'attention_bias' in config;
    const hasInputBias = hasAttentionBias || family === 'Qwen2';
    const hasMlpBias = 'mlp_bias' in config;
    const hasHeadNorm = family === 'Qwen3';

    const block = 'model.layers.0';
    const rows = [3, 1].map((id, position) => {
      const x = vector('model.embed_tokens.weight').slice(2 * id, 2 * id + 2);
      const normed = rms(x, vector(`${block}.input_layernorm.weight`));
      const project = (part: string) =>
        linear(`${block}.self_attn.${part}_proj`, normed, hasInputBias);
      const turned = (part: string) => {
        const projected = project(part);
        const weight = vector(`${block}.self_attn.${part}_norm.weight`);
        return turn(hasHeadNorm ? rms(projected, weight) : projected, position);
      };
      return { x, q: turned('q'), k: turned('k'), v: project('v') };
    });
    const second = rows[1]!;
    const [e0, e1] = rows.map(({ k }) => Math.exp(dot(second.q, k) / Math.sqrt(2)));
    const attended = [
      rows[0]!.v,
      rows[0]!.v.map((v, i) => (e0! * v + e1! * second.v[i]!) / (e0! + e1!)),
    ];

    const expected = rows.flatMap(({ x }, t) => {
      const out = linear(`${block}.self_attn.o_proj`, attended[t]!, hasAttentionBias);
      const middle = sum(x, out);
      const normed = rms(middle, vector(`${block}.post_attention_layernorm.weight`));
      const gate = linear(`${block}.mlp.gate_proj`, normed, hasMlpBias);
      const up = linear(`${block}.mlp.up_proj`, normed, hasMlpBias);
      const inner = gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!);
      const last = sum(middle, linear(`${block}.mlp.down_proj`, inner, hasMlpBias));
      const output = isTied ? 'model.embed_tokens' : 'lm_head';
      return linear(output, rms(last, vector('model.norm.weight')), false);
    });

    const found = llamaLogits(
      { ...CONFIG, ...config, architectures: [`${family}ForCausalLM`], sliding_window: null },
      tensors,
      [3, 1],
    );
    assertClose(found, expected, { atol: 1e-12, what: 'logits' });
  });
}

test.run();

/** Every tensor any of the families has, biases and norms that go unread included. */
function weights() {
  const random = createRandom(9);
  const tensors = new Map<string, { shape: number[]; values: Float32Array }>();
  const add = (name: string, shape: number[]) =>
    tensors.set(name, { shape, values: random.normal(shape.reduce((a, b) => a * b)) });
  const block = 'model.layers.0';
  add('model.embed_tokens.weight', [5, 2]);
  add('lm_head.weight', [5, 2]);
  const norms = [
    'input_layernorm',
    'post_attention_layernorm',
    'self_attn.q_norm',
    'self_attn.k_norm',
  ];
  for (const name of ['model.norm', ...norms.map((norm) => `${block}.${norm}`)]) {
    add(`${name}.weight`, [2]);
  }
  for (const [name, rows, columns] of [
    ['self_attn.q_proj', 2, 2],
    ['self_attn.k_proj', 2, 2],
    ['self_attn.v_proj', 2, 2],
    ['self_attn.o_proj', 2, 2],
    ['mlp.gate_proj', 3, 2],
    ['mlp.up_proj', 3, 2],
    ['mlp.down_proj', 2, 3],
  ] as const) {
    add(`${block}.${name}.weight`, [rows, columns]);
    add(`${block}.${name}.bias`, [rows]);
  }
  const vector = (name: string): Vector => [...tensors.get(name)!.values];
  const linear = (name: string, x: Vector, hasBias: boolean): Vector => {
    const matrix = vector(`${name}.weight`);
    return Array.from({ length: matrix.length / x.length }, (_, row) => {
      const product = dot(matrix.slice(row * x.length, (row + 1) * x.length), x);
      return product + (hasBias ? vector(`${name}.bias`)[row]! : 0);
    });
  };
  return { tensors, vector, linear };
}

function dot(a: Vector, b: Vector): number {
  return a.reduce((total, value, i) => total + value * b[i]!, 0);
}

function sum(a: Vector, b: Vector): Vector {
  return a.map((value, i) => value + b[i]!);
}

function rms(x: Vector, weight: Vector): Vector {
  const root = Math.sqrt(dot(x, x) / x.length + EPS);
  return x.map((value, i) => (value / root) * weight[i]!);
}

/** The pair turned by `angle` radians, counter-clockwise. */
function turn([x, y]: Vector, angle: number): Vector {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [x! * cos - y! * sin, y! * cos + x! * sin];
}
