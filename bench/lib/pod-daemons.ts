import { simulatedDaemons } from '../../test/support/simulated-daemons.ts';
import type { Program } from './child-process.ts';

/** The daemons of all simulated pods, behind one port. */
export async function open(): Promise<Program> {
  const daemons = await simulatedDaemons();
  return { methods: { port: () => daemons.port }, [Symbol.asyncDispose]: () => daemons[Symbol.asyncDispose]() };
}
