import type { CDPSession } from 'playwright-core';

/** What a page's own code threw, or why ours could not run; its message is for the model. */
export class PageError extends Error {}

const world = 'corral';

/** Runs a function of page-script.ts in the page's document, in a world that the page cannot see. */
export async function inPage<Arg, Value>(cdp: CDPSession, run: (arg: Arg) => Value, arg: Arg): Promise<Value> {
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
      // The document went under it: the next one is asked.
      if (left === 0 || !/context|frame|navigat/i.test(String(thrown)) || thrown instanceof PageError) throw thrown;
    }
  }
}

/** What somebody typed into the page's console: runs in the page itself, and is ended when it takes too long. */
export async function inConsole(cdp: CDPSession, expression: string, timeoutMs: number): Promise<string> {
  const { result, exceptionDetails } = await cdp.send('Runtime.evaluate', {
    expression,
    replMode: true, // `await` at the top, and `let` twice
    awaitPromise: true,
    returnByValue: true,
    userGesture: true,
    timeout: timeoutMs,
  });
  if (exceptionDetails) throw new PageError(exceptionDetails.exception?.description ?? exceptionDetails.text);
  if (result.type === 'undefined') return 'undefined';
  return typeof result.value === 'string'
    ? result.value
    : (JSON.stringify(result.value, null, 1) ?? `${result.description}`);
}
