import { makeMacro } from '../macro.ts';
import { capture, type Statement } from '../scope.ts';
import { type Expression, invoke } from '../syntax/node.ts';
import { type TemplateParser, write } from '../syntax/statements.ts';
import type { Target } from '../syntax/targets.ts';

/** What reads the statements that few templates have, each from behind its name. */
export const RARE_STATEMENTS: Record<string, (parser: TemplateParser) => Statement> = {
  with: readWith,
  call: readCall,
  filter: readFilter,
  generation: readGeneration,
};

function readWith(parser: TemplateParser): Statement {
  const { reader } = parser;
  const pairs: (readonly [Target, Expression])[] = [];
  while (!reader.is('end')) {
    if (pairs.length > 0) reader.expect('operator', ',');
    const target = parser.target();
    reader.expect('operator', '=');
    pairs.push([target, parser.expression()]);
  }
  const body = parser.body('endwith');
  return (scope, out) => {
    const inner = scope.inner();
    for (const [target, value] of pairs) target(inner, value(scope));
    return body(inner, out);
  };
}

function readCall(parser: TemplateParser): Statement {
  const { reader } = parser;
  const parameters = reader.is('operator', '(') ? parser.parameters() : [];
  const { parts } = parser.expression();
  if (parts === undefined) throw reader.wrong('a call');
  const source = parser.macro(parameters, 'endcall');
  return (scope, out) => {
    const target = parts.callee(scope);
    const [args, named] = parts.call(scope);
    const caller = makeMacro(source, scope);
    return write(scope, out, invoke(target, args, new Map([...named, ['caller', caller]])));
  };
}

function readFilter(parser: TemplateParser): Statement {
  let text = '';
  const filtered = parser.filters(parser.filter(() => text));
  const body = parser.body('endfilter');
  return (scope, out) => {
    text = capture(body, scope.inner());
    return write(scope, out, filtered(scope));
  };
}

/** Marks what the model wrote in training; it has a scope of its own, and no other effect. */
function readGeneration(parser: TemplateParser): Statement {
  const { body } = parser.macro([], 'endgeneration');
  return (scope, out) => body(scope.inner(), out);
}
