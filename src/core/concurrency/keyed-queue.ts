/** Runs the work for each key in order. Work for different keys can overlap. */
export function createKeyedQueue(): <Value>(key: string, work: () => Promise<Value>) => Promise<Value> {
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

/** Serializes calls per method and key (the first argument or its `owner`), so pre-write limit checks stay valid. */
export function withSequentialCalls<Service extends object>(
  service: Service,
  ...names: readonly (keyof Service)[]
): Service {
  const turns = createKeyedQueue();
  const keyOf = (first: unknown) => (typeof first === 'string' ? first : ((first as { owner?: string }).owner ?? ''));
  const inTurn = (name: keyof Service) => {
    const call = service[name] as (...args: unknown[]) => Promise<unknown>;
    return (...args: unknown[]) => turns(`${String(name)} ${keyOf(args[0])}`, () => call(...args));
  };
  return { ...service, ...Object.fromEntries(names.map((name) => [name, inTurn(name)])) };
}
