import { messageOf, TpaError } from '../base/errors.ts';
import { Budget, Refusal } from './template/budget.ts';
import { bind } from './template/builtins/builtin.ts';
import { GLOBALS, toValue } from './template/globals.ts';
import { capture, Scope } from './template/scope.ts';
import { tokenize } from './template/syntax/lexer.ts';
import { TemplateParser } from './template/syntax/statements.ts';
import { TokenReader } from './template/syntax/token-reader.ts';

/** Published templates have up to 30,000. */
const MAX_SOURCE_LENGTH = 2 ** 17;

/**
 * A chat template that cannot hang or fill the memory: it comes with the model, so it is as little
 * trusted as the weights.
 */
export interface ChatTemplate {
  /** Text constants of the code. */
  readonly literals: readonly string[];
  /**
   * The text that the template makes of some variables, values as JSON has them; a field that is
   * `undefined` is left out.
   *
   * @param maxLength UTF-16 units of the text, and of any text on the way to it
   * @param now what `strftime_now` writes
   * @param original a text with as many UTF-16 units, as which any other is compared and searched;
   *   by default itself
   * @throws TpaError `CHAT_TEMPLATE_INVALID`, also where the template refuses the messages
   */
  render(
    variables: Readonly<Record<string, unknown>>,
    maxLength: number,
    now?: Date,
    original?: (text: string) => string,
  ): string;
}

/**
 * Reads a template in the Jinja dialect of chat templates. What few templates name is known once it
 * is added: `addRare()`, `addTime()`.
 *
 * @throws TpaError `CHAT_TEMPLATE_INVALID`
 *
 * @example
 * const template = compileChatTemplate('{% for m in messages %}{{ m.content }}{% endfor %}');
 * template.render({ messages: [{ role: 'user', content: 'Hi' }] }, 1000); // 'Hi'
 */
export function compileChatTemplate(source: string): ChatTemplate {
  if (source.length > MAX_SOURCE_LENGTH) {
    throw invalid(`has ${source.length} characters, at most ${MAX_SOURCE_LENGTH} are read`);
  }
  const { body, literals } = guard(() => {
    const reader = new TokenReader(tokenize(source));
    return { body: new TemplateParser(reader).statements(), literals: reader.literals };
  });
  return {
    literals: [...new Set(literals)],
    render(variables, maxLength, now = new Date(), original = undefined) {
      const budget = new Budget(maxLength, original);
      return guard(() => {
        const scope = new Scope(budget);
        for (const [name, builtin] of Object.entries(GLOBALS)) {
          scope.set(name, bind(builtin, budget, now));
        }
        for (const [name, value] of Object.entries(variables)) {
          if (value !== undefined) scope.set(name, toValue(budget, value));
        }
        return capture(body, scope.inner());
      }, budget);
    },
  };
}

/** What the template does wrong becomes our error; it quotes only what the template raises. */
function guard<T>(call: () => T, budget?: Budget): T {
  try {
    return call();
  } catch (error) {
    // A stack that was nearly full before: the depth has a bound of its own.
    if (!(error instanceof Refusal || error instanceof RangeError)) throw error;
    const reason = error instanceof Refusal ? messageOf(error) : 'is too deep for the stack';
    throw invalid(reason, budget);
  }
}

/** @param budget of the rendering, where it is one: other messages may do */
function invalid(reason: string, budget?: Budget): TpaError {
  const others = budget === undefined ? '' : ` (line ${budget.line}); change the messages, or`;
  const message = `the chat template ${reason}${others || ';'} pass another as "chatTemplate"`;
  return new TpaError('CHAT_TEMPLATE_INVALID', message);
}
