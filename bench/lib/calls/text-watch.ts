import { monotonicMs } from '../measure/generator.ts';

const patienceMs = 10_000;

export class TextWatch {
  #recent = '';
  #awaited = '';
  #shown: (at: number) => void = () => {};

  hear(piece: string): void {
    const at = monotonicMs();
    this.#recent = (this.#recent + piece).slice(-4_000);
    if (this.#awaited !== '' && this.#recent.includes(this.#awaited)) this.#shown(at);
  }

  shows(text: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const late = setTimeout(() => reject(new Error(`${text} did not come within 10 s`)), patienceMs);
    this.#recent = '';
    this.#awaited = text;
    this.#shown = (at) => {
      clearTimeout(late);
      this.#awaited = '';
      resolve(at);
    };
    return promise;
  }
}
