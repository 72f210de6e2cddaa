import type { ModelConfig } from '../../index.ts';
import { count, type Row } from './table.ts';

/** How a model attends, normalises and embeds, as lines for a reader. */
export function featureRows(config: ModelConfig): Row[] {
  return [
    ['mechanism', `${config.mechanism}, ${config.layout} layout`],
    ...factorRows(config),
    ['heads', describeHeads(config)],
    ['RoPE', describeRope(config)],
    ['window', describeWindow(config)],
    ['norms', describeNorms(config)],
    ['biases', describeBiases(config)],
    ['output projection', config.isTied ? 'tied to the embedding' : 'its own'],
  ];
}

function factorRows({ headFactors, latent, rankQ, rankK, rankV, outerDim }: ModelConfig): Row[] {
  if (latent !== undefined) {
    const { queryRank, latentDim, ropeDim, valueDim } = latent;
    const sizes = `query ${queryRank}, K/V ${latentDim}, rotated key ${ropeDim}, value ${valueDim}`;
    return [['latents', sizes]];
  }
  if (headFactors === 'groups') return [];
  const query = rankQ === 0 ? 'full' : rankQ;
  const outer = outerDim === 1 ? '' : `, features b ⊗ c with c of ${outerDim}`;
  return [['ranks', `query ${query}, key ${rankK}, value ${rankV}${outer}`]];
}

function describeHeads({ heads, kvHeads, headDim, headFactors, latent }: ModelConfig): string {
  const isGrouped = headFactors === 'groups' && latent === undefined;
  return `${heads} of headDim ${headDim}${isGrouped ? `, ${kvHeads} for K and V` : ''}`;
}

function describeRope(config: ModelConfig): string {
  const { ropeTheta, rotaryDim, ropeDecay, ropePrecision, ropeScaling } = config;
  const { headDim, outerDim, latent } = config;
  const full = latent?.ropeDim ?? headDim / outerDim;
  return listed([
    `theta ${count(ropeTheta)}`,
    rotaryDim === full ? '' : `${rotaryDim} of ${full} features`,
    ropeDecay === 1 ? '' : `decay ${ropeDecay}`,
    ropePrecision === 'float32' ? '' : ropePrecision,
    ropeScaling === undefined ? '' : `${ropeScaling.type} scaling by ${ropeScaling.factor}`,
    ropeScaling === undefined || ropeScaling.type === 'linear'
      ? ''
      : `trained on ${count(ropeScaling.originalContext)} tokens`,
  ]);
}

function describeWindow({ slidingWindow, isLinear, layers }: ModelConfig): string {
  if (isLinear) return 'the whole context, in a state of constant size';
  if (slidingWindow === undefined) return 'the whole context';
  const { size, firstLayer } = slidingWindow;
  const where = firstLayer === 0 ? 'in all layers' : `in layers ${firstLayer} to ${layers - 1}`;
  return `${count(size)} tokens ${where}`;
}

function describeNorms(config: ModelConfig): string {
  return listed([
    `eps ${config.normEps}, ${config.hasNormWeights ? 'with' : 'without'} weights`,
    config.usesGroupNorm ? 'group norm of heads' : '',
    config.usesQueryKeyNorm ? 'norm of q and k' : '',
  ]);
}

function describeBiases({ hasQkvBias, hasOutputBias, hasMlpBias }: ModelConfig): string {
  const names = [
    hasQkvBias ? 'q, k, v' : '',
    hasOutputBias ? 'attention output' : '',
    hasMlpBias ? 'feed-forward' : '',
  ];
  return listed(names) || 'none';
}

function listed(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ');
}
