import type { LlamaSettings } from './llama-config.ts';

/** Conventions that can be broken on purpose; where a model does not use one, nothing changes. */
export type LlamaBreak =
  /** the rotation of T6 */
  | 'rotation-sign'
  /** neighbouring features rotate together, not those of the halves */
  | 'rotation-interleaved'
  | 'theta'
  /** no rope scaling at all */
  | 'scaling'
  /** yarn's frequencies without its factor on cos and sin */
  | 'attention-factor'
  /** no biases */
  | 'bias'
  /** no bias of the attention's output projection */
  | 'output-bias'
  | 'norm-weight'
  /** the eps of T6 */
  | 'norm-eps'
  /** q and k rotated first, normed second */
  | 'norm-order'
  | 'head-norm'
  /** no sliding window */
  | 'window'
  /** one key too many */
  | 'window-edge'
  /** the window of one layer for every layer */
  | 'window-layers'
  /** key/value head = head mod kvHeads */
  | 'grouping'
  /** 1/√(dim / heads) */
  | 'attention-scale'
  /** silu on the up projection */
  | 'gate-order'
  /** the embedding in place of lm_head */
  | 'tied';

/** The settings with those of a break changed; breaks of the arithmetic are left to the forward pass. */
export function breakSettings(
  settings: LlamaSettings,
  broken: LlamaBreak | undefined,
): LlamaSettings {
  const { windows } = settings;
  switch (broken) {
    case 'theta':
      return { ...settings, ropeTheta: 10000 };
    case 'scaling':
      return { ...settings, ropeScaling: undefined };
    case 'bias':
      return { ...settings, hasInputBias: false, hasOutputBias: false, hasMlpBias: false };
    case 'output-bias':
      return { ...settings, hasOutputBias: false };
    case 'norm-eps':
      return { ...settings, normEps: 2 ** -23 };
    case 'head-norm':
      return { ...settings, hasHeadNorm: false };
    case 'window':
      return { ...settings, windows: windows.map(() => undefined) };
    case 'window-edge':
      return { ...settings, windows: windows.map((window) => window && window + 1) };
    case 'window-layers':
      return { ...settings, windows: windows.map(() => windows.find(Boolean)) };
    case 'tied':
      return { ...settings, isTied: true };
    default:
      return settings;
  }
}
