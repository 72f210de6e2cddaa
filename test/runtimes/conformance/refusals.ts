import * as assert from 'uvu/assert';
import { type Checks, refusedWith, thrownBy } from './check.ts';

/** Mistakes and broken files, each one clear error. */
export const refusalChecks: Checks = {
  'a config that is none: CONFIG_INVALID': async (subject) => {
    const { tpa, assets } = subject;
    const source = { ...assets.models[0]!.source, config: '{ "n_layer": ' };
    await refusedWith(subject, 'CONFIG_INVALID', () => tpa.loadModel(source));
  },
  'weights cut short: WEIGHTS_TRUNCATED': async (subject) => {
    const { tpa, assets } = subject;
    const { source } = assets.models[0]!;
    const weights = source.weights.subarray(0, source.weights.length - 1000);
    await refusedWith(subject, 'WEIGHTS_TRUNCATED', () => tpa.loadModel({ ...source, weights }));
  },
  'an unknown option: TypeError that names it': async ({ tpa, assets, model }) => {
    const options: object = { maxToken: 1 };
    const error = await thrownBy(() => model.createSession().generate('x', options));
    assert.instance(error, TypeError);
    assert.match(
      String(error),
      /"maxToken" is not an option of generate, did you mean "maxTokens"/,
    );
    const loading = await thrownBy(() => tpa.loadModel(assets.shipped.source, options));
    assert.instance(loading, TypeError);
    assert.match(String(loading), /maxToken/);
  },
  'a page in place of the kernels: WASM_BLOCKED that says HTML': async (subject) => {
    const wasm = new Response('<!doctype html><title>app</title>');
    const options = { simd: 'baseline', wasm } as const;
    const error = await refusedWith(subject, 'WASM_BLOCKED', () =>
      subject.tpa.createRuntime(options),
    );
    assert.match(error.message, /got HTML from/);
  },
  'bytes in place of the kernels that are none: WASM_BLOCKED': async (subject) => {
    const options = { simd: 'baseline', wasm: Uint8Array.of(1, 2, 3, 4) } as const;
    await refusedWith(subject, 'WASM_BLOCKED', () => subject.tpa.createRuntime(options));
  },
  'a disposed model and its sessions: DISPOSED': async (subject) => {
    const { tpa, assets } = subject;
    const model = await tpa.loadModel(assets.models[0]!.source);
    const session = model.createSession();
    model.dispose();
    model.dispose();
    await refusedWith(subject, 'DISPOSED', () => session.prefill([1]));
    await refusedWith(subject, 'DISPOSED', () => model.createSession());
  },
};
