import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Figures,
  route,
  routesOf,
  type SideFigures,
  stepTime,
} from '../../../src/backend/dispatch/cost-model.ts';
import { onlyRoutes } from '../../../src/backend/dispatch/routes.ts';
import { createRandom } from '../../helpers/checks/random.ts';

const test = suite('cost model');

/** Figures of a side with these true costs in ms. */
function side(
  { call = 0, token = 0, context = 0, pair = 0 },
  { chunkTokens = 48, shortContext = 8, longContext = 1024 } = {},
): SideFigures {
  const time = (tokens: number, cached: number) =>
    call + token * tokens + context * cached + pair * tokens * cached;
  return {
    chunkTokens,
    shortContext,
    longContext,
    tokenShortMs: time(1, shortContext),
    tokenLongMs: time(1, longContext),
    chunkShortMs: time(chunkTokens, shortContext),
    chunkLongMs: time(chunkTokens, longContext),
  };
}

/** A CPU without overhead, and a GPU that costs 5 ms a call. */
const figures: Figures = {
  wasm: side({ token: 1, pair: 0.001 }),
  webgpu: side({ call: 5, token: 0.1, pair: 0.0001 }, { chunkTokens: 256 }),
  syncTokenMs: 0.1,
};

test('stepTime() is the bilinear cost it was measured of, at the four points and elsewhere', () => {
  const cost = { call: 3, token: 0.5, context: 0.01, pair: 0.002 };
  for (const [tokens, context] of [
    [1, 8],
    [48, 8],
    [1, 1024],
    [48, 1024],
    [20, 500],
    [100, 30_000],
  ] as const) {
    const expected = 3 + 0.5 * tokens + 0.01 * context + 0.002 * tokens * context;
    const found = stepTime(side(cost), tokens, context);
    assert.ok(Math.abs(found - expected) < 1e-9 * expected, `${tokens}, ${context}: ${found}`);
  }
});

test('stepTime() is finite, >= 0 and never falls with tokens or context, whatever was measured', () => {
  const random = createRandom(1);
  for (let i = 0; i < 500; i++) {
    const [a = 0, b = 0, c = 0, d = 0] = random.uniform(4, 0, 10);
    const odd: SideFigures = {
      chunkTokens: random.integer(1, 3),
      shortContext: 2,
      longContext: random.integer(2, 4),
      tokenShortMs: a,
      tokenLongMs: b,
      chunkShortMs: c,
      chunkLongMs: d,
    };
    for (const tokens of [1, 2, 50]) {
      for (const context of [0, 1, 2, 3, 5000]) {
        const time = stepTime(odd, tokens, context);
        assert.ok(Number.isFinite(time) && time >= 0);
        assert.ok(stepTime(odd, tokens + 1, context) >= time);
        assert.ok(stepTime(odd, tokens, context + 1) >= time);
      }
    }
  }
});

test('route(): the faster side; the CPU where both are as fast', () => {
  assert.is(route(figures, 1, 0, 0), 'wasm');
  assert.is(route(figures, 100, 0, 0), 'webgpu');
  assert.is(route(figures, 1, 20_000, 0), 'webgpu');
  const same = { ...figures, webgpu: figures.wasm };
  assert.is(route(same, 10, 10, 0), 'wasm');
});

test('route(): what the GPU misses is paid back over 32 steps', () => {
  // at 20,000: the CPU 21 ms, the GPU 5 + 0.1 + 2 = 7.1
  const gain = 21 - 7.1;
  const most = (gain * 32) / 0.1;
  assert.is(route(figures, 1, 20_000, Math.floor(most) - 1), 'webgpu');
  assert.is(route(figures, 1, 20_000, Math.ceil(most) + 1), 'wasm');
});

test('routesOf() finds where the sides change places', () => {
  // 1.008 (t - 1) … with 8 tokens of context measured: 1 t + 0.008 t > 5 + 0.1 t + 0.0008 t
  const { prefill, decode } = routesOf(figures, { tokens: 256, context: 100_000 });
  assert.equal(prefill, { backend: 'wasm', switchesAt: 6 });
  // 1 + 0.001 c > 5.1 + 0.0001 c from 4556 on
  assert.equal(decode, { backend: 'wasm', switchesAt: 4556 });
  const short = routesOf(figures, { tokens: 5, context: 4556 });
  assert.equal(short, onlyRoutes('wasm'));
});

test('routesOf(): always one side, or the GPU first', () => {
  const limits = { tokens: 256, context: 1000 };
  const fast = { ...figures, webgpu: side({ token: 0.1 }) };
  assert.equal(routesOf(fast, limits), onlyRoutes('webgpu'));
  const slow = { ...figures, webgpu: side({ token: 10 }) };
  assert.equal(routesOf(slow, limits), onlyRoutes('wasm'));
  const wide = { ...figures, webgpu: side({ token: 0.5, context: 0.01 }) };
  const { decode } = routesOf(wide, limits);
  assert.is(decode.backend, 'webgpu');
  assert.is(decode.switchesAt, 56);
  assert.equal(routesOf(fast, { tokens: 1, context: 1 }), onlyRoutes('webgpu'));
});

test.run();
