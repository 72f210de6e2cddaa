import { loopStatement } from '../loop-statement.ts';
import { makeMacro, type MacroSource, type Parameter } from '../macro.ts';
import { type Expression, invoke } from './node.ts';
import { print } from '../values/printing.ts';
import { capture, sequence, type Statement } from '../scope.ts';
import { type Target, TargetParser } from './targets.ts';
import { isTrue } from '../values/value.ts';

/** Names that Jinja gives to the body of a macro which reads them. */
const SPECIAL_NAMES = ['caller', 'varargs', 'kwargs'];
/** Statements of Jinja that this interpreter does without, to be refused by name. */
const LEFT_OUT = new Set('block extends include import from autoescape do trans'.split(' '));

/** Jinja's statements. */
export class TemplateParser extends TargetParser {
  #loops = 0;

  template(): Statement {
    return this.#block();
  }

  /** What stands before a tag that begins with one of some names. */
  #block(...ends: readonly string[]): Statement {
    return this.reader.nest(() => {
      const { reader } = this;
      const parts: Statement[] = [];
      while (!reader.isAtEnd) {
        const { type, value, line } = reader.next();
        if (type === 'text') {
          parts.push(textStatement(value));
        } else if (value === '{%' && reader.isName(...ends)) {
          return sequence(parts);
        } else {
          parts.push(counted(line, value === '{{' ? this.#output() : this.#statement()));
        }
      }
      if (ends.length > 0) throw reader.wrong(`"${ends.at(-1)}"`);
      return sequence(parts);
    });
  }

  /** The statements up to an end of one name, which is read too. */
  #body(end: string): Statement {
    const body = this.#block(end);
    this.reader.next();
    return body;
  }

  #output(): Statement {
    const value = this.tuple();
    this.reader.expect('end', '}}');
    return (scope, out) => {
      const text = print(scope.budget, value(scope));
      scope.budget.read(text.length);
      out.push(text);
      return undefined;
    };
  }

  #statement(): Statement {
    const { reader } = this;
    const name = reader.expect('name').value;
    const statement = this.#named(name);
    reader.expect('end', '%}');
    return statement;
  }

  #named(name: string): Statement {
    switch (name) {
      case 'if':
        return this.#if();
      case 'for':
        return this.#for();
      case 'set':
        return this.#set();
      case 'macro':
        return this.#macro();
      case 'call':
        return this.#callBlock();
      case 'filter':
        return this.#filterBlock();
      case 'with':
        return this.#with();
      case 'generation':
        return this.#generation();
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw this.reader.wrong(`no "${name}" outside of a loop`);
        return () => name;
    }
    throw this.reader.wrong(
      LEFT_OUT.has(name) ? `no "${name}", which is not supported,` : 'a statement of Jinja',
    );
  }

  #if(): Statement {
    const { reader } = this;
    const branches: (readonly [Expression, Statement])[] = [];
    let otherwise: Statement | undefined;
    do {
      const test = this.sought(() => this.tuple(false));
      reader.expect('end', '%}');
      branches.push([test, this.#block('elif', 'else', 'endif')]);
    } while (reader.skip('name', 'elif'));
    if (reader.skip('name', 'else')) {
      reader.expect('end', '%}');
      otherwise = this.#block('endif');
    }
    reader.expect('name', 'endif');
    return (scope, out) => {
      const branch = branches.find(([test]) => isTrue(test(scope)));
      return (branch?.[1] ?? otherwise)?.(scope, out);
    };
  }

  #for(): Statement {
    const { reader } = this;
    const target = this.target();
    reader.expect('name', 'in');
    const items = this.sought(() => this.tuple(false));
    const test = reader.skip('name', 'if') ? this.sought() : undefined;
    const isRecursive = reader.skip('name', 'recursive');
    reader.expect('end', '%}');
    this.#loops++;
    const body = this.#block('else', 'endfor');
    this.#loops--;
    let otherwise: Statement | undefined;
    if (reader.skip('name', 'else')) {
      reader.expect('end', '%}');
      otherwise = this.#block('endfor');
    }
    reader.expect('name', 'endfor');
    return loopStatement({ target, items, test, isRecursive, body, otherwise });
  }

  #set(): Statement {
    const { reader } = this;
    const target = this.target();
    if (reader.skip('operator', '=')) {
      const value = this.sought(() => this.tuple());
      return (scope) => void target(scope, value(scope));
    }
    let text = '';
    const filtered = this.#filters(() => text);
    reader.expect('end', '%}');
    const body = this.#body('endset');
    return (scope) => {
      text = capture(body, scope.inner());
      target(scope, filtered(scope));
      return undefined;
    };
  }

  #with(): Statement {
    const { reader } = this;
    const pairs: (readonly [Target, Expression])[] = [];
    while (!reader.is('end')) {
      if (pairs.length > 0) reader.expect('operator', ',');
      const target = this.target();
      reader.expect('operator', '=');
      pairs.push([target, this.sought()]);
    }
    reader.expect('end', '%}');
    const body = this.#body('endwith');
    return (scope, out) => {
      const inner = scope.inner();
      for (const [target, value] of pairs) target(inner, value(scope));
      return body(inner, out);
    };
  }

  #macro(): Statement {
    const { reader } = this;
    const name = reader.expect('name').value;
    const source = this.#function(this.parameters(), 'endmacro');
    return (scope) => void scope.set(name, makeMacro(source, scope));
  }

  /** What a macro or a `call` is made of, from the end of its tag on. */
  #function(parameters: readonly Parameter[], end: string): MacroSource {
    const { reader } = this;
    reader.expect('end', '%}');
    const loops = this.#loops;
    this.#loops = 0;
    const from = reader.names.length;
    const body = this.#body(end);
    this.#loops = loops;
    const read = new Set(reader.names.slice(from));
    return { parameters, body, special: new Set(SPECIAL_NAMES.filter((x) => read.has(x))) };
  }

  #callBlock(): Statement {
    const { reader } = this;
    const parameters = reader.is('operator', '(') ? this.parameters() : [];
    const [callee, call] = this.call();
    const source = this.#function(parameters, 'endcall');
    return (scope, out) => {
      const target = callee(scope);
      const { args, named } = call(scope);
      const caller = makeMacro(source, scope);
      const result = invoke(target, args, new Map([...named, ['caller', caller]]));
      out.push(print(scope.budget, result));
      return undefined;
    };
  }

  #filterBlock(): Statement {
    let text = '';
    const filtered = this.#filters(this.filter(() => text));
    this.reader.expect('end', '%}');
    const body = this.#body('endfilter');
    return (scope, out) => {
      text = capture(body, scope.inner());
      out.push(print(scope.budget, filtered(scope)));
      return undefined;
    };
  }

  /** Marks what the model wrote in training; it has a scope of its own, and no other effect. */
  #generation(): Statement {
    const { body } = this.#function([], 'endgeneration');
    return (scope, out) => body(scope.inner(), out);
  }

  #filters(value: Expression): Expression {
    let filtered = value;
    while (this.reader.skip('operator', '|')) filtered = this.filter(filtered);
    return filtered;
  }
}

function textStatement(text: string): Statement {
  return ({ budget }, out) => {
    budget.read(text.length);
    out.push(text);
    return undefined;
  };
}

/** A statement that is a step and a level, and says where the work is. */
function counted(line: number, run: Statement): Statement {
  return (scope, out) => {
    scope.budget.line = line;
    scope.budget.enter();
    const flow = run(scope, out);
    scope.budget.leave();
    return flow;
  };
}
