import { testCheckpoints } from '../helpers/models/checkpoint-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { mechanismLogits } from '../reference/mechanisms.ts';

testCheckpoints('mechanisms in the layout of T6', MECHANISM_VARIANTS, mechanismLogits);
