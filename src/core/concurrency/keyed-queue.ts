/** Runs the work of one key in order; different keys do not wait for each other. */
export function keyedQueue(): <Value>(key: string, work: () => Promise<Value>) => Promise<Value> {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const done = (last.get(key) ?? Promise.resolve()).then(work, work);
    const settled = done.then(
      () => {},
      () => {},
    );
    last.set(key, settled);
    void settled.then(() => {
      if (last.get(key) === settled) last.delete(key);
    });
    return done;
  };
}

/**
 * The service with calls of these methods one after the other for each owner, or id, that their first argument names: a limit
 * that a method counts before it adds holds for calls at the same time too.
 */
export function inTurns<Service extends object>(service: Service, ...names: readonly (keyof Service)[]): Service {
  const turns = keyedQueue();
  const keyOf = (first: unknown) => (typeof first === 'string' ? first : ((first as { owner?: string }).owner ?? ''));
  const inTurn = (name: keyof Service) => {
    const call = service[name] as (...args: unknown[]) => Promise<unknown>;
    return (...args: unknown[]) => turns(`${String(name)} ${keyOf(args[0])}`, () => call(...args));
  };
  return { ...service, ...Object.fromEntries(names.map((name) => [name, inTurn(name)])) };
}
