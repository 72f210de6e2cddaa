import { ownOf, unsupported } from '../builtins/builtin.ts';
import { loopStatement } from '../loop-statement.ts';
import { makeMacro, type MacroSource, type Parameter, SPECIAL_NAMES } from '../macro.ts';
import { capture, type Scope, sequence, type Statement } from '../scope.ts';
import { print } from '../values/printing.ts';
import { isTrue, type Value } from '../values/value.ts';
import { type Expression, node } from './node.ts';
import { TargetParser } from './targets.ts';

/** Jinja's statements, and what they are made of. */
export class TemplateParser extends TargetParser {
  /** Loops around what is read. */
  loops = 0;

  /** What stands before a tag that begins with one of some names, or before the end. */
  statements(...ends: readonly string[]): Statement {
    return this.reader.nest(() => {
      const { reader } = this;
      const parts: Statement[] = [];
      while (!reader.isAtEnd) {
        const { type, value, line } = reader.next();
        if (type === 'text') {
          parts.push((scope, out) => write(scope, out, value));
        } else if (value === '{%' && reader.is('name', ...ends) && ends.length > 0) {
          return sequence(parts);
        } else {
          parts.push(counted(line, value === '{{' ? this.#output() : this.#statement()));
        }
      }
      if (ends.length > 0) throw reader.wrong(`"${ends.at(-1)}"`);
      return sequence(parts);
    });
  }

  /** From the end of a tag up to a tag that begins with one of some names. */
  block(...ends: readonly string[]): Statement {
    this.reader.expect('end', '%}');
    return this.statements(...ends);
  }

  /** From the end of a tag up to an end of one name, which is read too. */
  body(end: string): Statement {
    const body = this.block(end);
    this.reader.next();
    return body;
  }

  /** What stands between `else`, if there is one, and an end, which is read too. */
  otherwise(end: string): Statement | undefined {
    const block = this.reader.skip('name', 'else') ? this.block(end) : undefined;
    this.reader.expect('name', end);
    return block;
  }

  /** What a macro is made of, from the end of its tag on. */
  macro(parameters: readonly Parameter[], end: string): MacroSource {
    const { loops } = this;
    const { names } = this.reader;
    this.loops = 0;
    const from = names.length;
    const body = this.body(end);
    this.loops = loops;
    const own = new Set(parameters.map(({ name }) => name));
    const special = Object.keys(SPECIAL_NAMES).filter(
      (name) => names.includes(name, from) && !own.has(name),
    );
    return { parameters, body, special };
  }

  /** Filters with a bar before each. */
  filters(value: Expression): Expression {
    let filtered = value;
    while (this.reader.skip('operator', '|')) filtered = this.filter(filtered);
    return filtered;
  }

  #output(): Statement {
    const value = this.tuple();
    this.reader.expect('end', '}}');
    return (scope, out) => write(scope, out, value(scope));
  }

  #statement(): Statement {
    const { reader } = this;
    const { value: name } = reader.expect('name');
    const read = ownOf(STATEMENTS, name);
    if (read === undefined) throw reader.wrong(`no ${unsupported('statement', name)},`);
    const statement = read(this, name);
    reader.expect('end', '%}');
    return statement;
  }
}

/** What reads each statement from behind its name; those that few templates have join when one does. */
export const STATEMENTS: Record<string, (parser: TemplateParser, name: string) => Statement> = {
  if: readIf,
  for: readFor,
  set: readSet,
  macro: readMacro,
  break: readJump,
  continue: readJump,
};

function readIf(parser: TemplateParser): Statement {
  const branches: (readonly [Expression, Statement])[] = [];
  do {
    branches.push([parser.unconditional(), parser.block('elif', 'else', 'endif')]);
  } while (parser.reader.skip('name', 'elif'));
  const otherwise = parser.otherwise('endif');
  return (scope, out) => {
    const branch = branches.find(([test]) => isTrue(test(scope)));
    return (branch?.[1] ?? otherwise)?.(scope, out);
  };
}

function readFor(parser: TemplateParser): Statement {
  const { reader } = parser;
  const target = parser.target();
  reader.expect('name', 'in');
  const items = parser.unconditional();
  const test = reader.skip('name', 'if') ? parser.expression() : undefined;
  const isRecursive = reader.skip('name', 'recursive');
  parser.loops++;
  const body = parser.block('else', 'endfor');
  parser.loops--;
  const otherwise = parser.otherwise('endfor');
  return loopStatement({ target, items, test, isRecursive, body, otherwise });
}

function readSet(parser: TemplateParser): Statement {
  const target = parser.target();
  if (parser.reader.skip('operator', '=')) {
    const value = parser.tuple();
    return (scope) => void target(scope, value(scope));
  }
  let text = '';
  const filtered = parser.filters(() => text);
  const body = parser.body('endset');
  return (scope) => {
    text = capture(body, scope.inner());
    target(scope, filtered(scope));
    return undefined;
  };
}

function readMacro(parser: TemplateParser): Statement {
  const { value: name } = parser.reader.expect('name');
  const source = parser.macro(parser.parameters(), 'endmacro');
  return (scope) => void scope.set(name, makeMacro(source, scope));
}

function readJump({ loops, reader }: TemplateParser, name: string): Statement {
  if (loops === 0) throw reader.wrong(`no "${name}" outside of a loop`);
  return () => name as 'break' | 'continue';
}

/** Adds a value to what is written. */
export function write({ budget }: Scope, out: string[], value: Value): undefined {
  const text = print(budget, value);
  budget.read(text.length);
  out.push(text);
}

/** A statement that is a step and a level, and says where the work is. */
function counted(line: number, run: Statement): Statement {
  const step = node(run);
  return (scope, out) => {
    scope.budget.line = line;
    return step(scope, out);
  };
}
