const maxKept = 2;
const leastBytes = 1024 * 1024;

/**
 * Keeps the memory of large answers for the next ones. Memory that is only dropped stays in use until the next full
 * collection: a sandbox with many large answers could so take up hundreds of megabytes.
 */
export class SpareBuffers {
  #kept: ArrayBuffer[] = [];

  /** Memory for at least so many bytes, with any content. */
  take(length: number): ArrayBuffer {
    const at = this.#kept.findIndex(({ byteLength }) => fits(byteLength, length));
    const [spare] = at < 0 ? [] : this.#kept.splice(at, 1);
    return spare ?? (Buffer.allocUnsafeSlow(length).buffer as ArrayBuffer);
  }
  /** Gives memory back. The caller must not use it again. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength >= leastBytes && this.#kept.length < maxKept) this.#kept.push(buffer);
  }
  clear(): void {
    this.#kept = [];
  }
}

/** Shared by all who read large things from sandboxes. It is cleared when the thread that checks them ends. */
export const spares = new SpareBuffers();

/** Whether a buffer is large enough for so many bytes, and not far too large. */
export const fits = (bytes: number, length: number): boolean => bytes >= length && bytes <= 4 * length;
