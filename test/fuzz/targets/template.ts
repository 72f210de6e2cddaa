import { compileTemplate } from '../../helpers/fakes/template.ts';
import { holds, target } from '../target.ts';
import { drawTemplate } from './template-source.ts';
import { drawMessages } from './drawn-messages.ts';

interface Input {
  readonly source: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly maxLength: number;
}

/** A chat template and messages, which are as they have been checked. */
export const TEMPLATE = target<Input>({
  name: 'template',
  make(draw) {
    const variables = {
      messages: drawMessages(draw, 1000),
      add_generation_prompt: draw.chance(0.5),
      bos_token: '<s>',
      eos_token: '</s>',
      ...(draw.chance(0.2) && { tools: draw.value(), x: draw.value() }),
    };
    return { source: drawTemplate(draw), variables, maxLength: draw.pick([100, 2 ** 16]) };
  },
  run({ source, variables, maxLength }) {
    const text = compileTemplate(source).render(variables, maxLength);
    holds(typeof text === 'string', 'text');
    holds(text.length <= maxLength, `${text.length} characters of ${maxLength}`);
  },
});
