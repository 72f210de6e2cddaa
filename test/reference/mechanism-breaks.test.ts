import { suite } from 'uvu';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { assertBreaks } from '../helpers/checks/visible-breaks.ts';
import { MECHANISM_BREAKS, type MechanismBreak } from './mechanism-breaks.ts';
import { mechanismLogits } from './mechanisms.ts';

const test = suite('mechanismLogits({ break })');

/** Enough tokens for the smallest break, the other RoPE table of MLA. */
const IDS = [...createRandom(6).uniform(11, 0, 61)].map(Math.floor);

/** Factors of all of a head's output, which its norm takes out again but for eps. */
const UNDONE_BY_NORM: readonly MechanismBreak[] = ['rank-scale', 'linear-scale', 'linear-mean'];

for (const { name, config, breaks, build } of MECHANISM_VARIANTS) {
  test(`${name}: ${breaks.length} broken conventions move logits by 100 tolerances, no other does`, () => {
    const { tensors } = build();
    const isNormedLinear = config['attention'] === 'linear' && config['using_groupnorm'] === true;
    const undone = isNormedLinear ? UNDONE_BY_NORM : [];
    assertBreaks(
      (broken) => mechanismLogits(config, tensors, IDS, broken && { break: broken }),
      MECHANISM_BREAKS.filter((broken) => !undone.includes(broken)),
      breaks,
    );
  });
}

test.run();
