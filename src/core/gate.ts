/** Lets a few through at a time, in order. */
export function gate(width: number): () => Promise<Disposable> {
  const waiting: (() => void)[] = [];
  let free = width;
  const leave = () => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  return async () => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    let isOver = false;
    return {
      [Symbol.dispose]() {
        if (!isOver) leave();
        isOver = true;
      },
    };
  };
}
