import type { CDPSession } from 'playwright-core';

/** Thrown by page functions or the model's JavaScript. The message is for the model. */
export class PageError extends Error {}

const world = 'corral';

/** Runs a function from page-script.ts in an isolated world that the page cannot see. */
export async function runInPage<Arg, Value>(cdp: CDPSession, run: (arg: Arg) => Value, arg: Arg): Promise<Value> {
  for (let left = 2; ; left--) {
    try {
      const { frameTree } = await cdp.send('Page.getFrameTree');
      const { executionContextId } = await cdp.send('Page.createIsolatedWorld', {
        frameId: frameTree.frame.id,
        worldName: world,
      });
      const { result, exceptionDetails } = await cdp.send('Runtime.evaluate', {
        expression: `(${run.toString()})(${JSON.stringify(arg)})`,
        contextId: executionContextId,
        returnByValue: true,
      });
      if (exceptionDetails) throw new PageError(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value as Value;
    } catch (thrown) {
      // Repeat the call if the document changed during it.
      if (left === 0 || !/context|frame|navigat/i.test(String(thrown)) || thrown instanceof PageError) throw thrown;
    }
  }
}

/** The browser ends code that blocks the page for longer than `timeoutMs`. */
export async function runInConsole(cdp: CDPSession, expression: string, timeoutMs: number): Promise<string> {
  const ran = await cdp.send('Runtime.evaluate', {
    expression,
    replMode: true, // allows top-level `await` and redeclaring `let` variables
    awaitPromise: true,
    userGesture: true,
    timeout: timeoutMs,
  });
  const { objectId, subtype } = fine(ran);
  if (objectId === undefined) return shown(ran.result);
  const returnByValue = true;
  if (subtype === 'promise')
    return shown(fine(await cdp.send('Runtime.awaitPromise', { promiseObjectId: objectId, returnByValue })));
  const whole = { objectId, functionDeclaration: 'function () { return this; }', returnByValue };
  return shown(fine(await cdp.send('Runtime.callFunctionOn', whole)));
}

interface Remote {
  readonly type: string;
  readonly subtype?: string;
  readonly value?: unknown;
  readonly description?: string;
  readonly objectId?: string;
}
interface EvaluationResult {
  readonly result: Remote;
  readonly exceptionDetails?: { readonly text: string; readonly exception?: Remote };
}

function fine({ result, exceptionDetails }: EvaluationResult): Remote {
  if (!exceptionDetails) return result;
  const { exception, text } = exceptionDetails;
  throw new PageError(exception?.description ?? (exception ? `${text} ${shown(exception)}` : text));
}

function shown({ type, value, description }: Remote): string {
  if (type === 'undefined') return 'undefined';
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 1) ?? `${description}`);
}
