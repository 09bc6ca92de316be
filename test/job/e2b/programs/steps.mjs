// Shared by the programs of this folder: the results of their steps, by name, and the names of failures.
const results = {};

export async function step(name, work) {
  try {
    results[name] = (await work()) ?? null;
  } catch (thrown) {
    results[name] = { failed: thrown.name, message: thrown.message };
  }
}

export async function failing(work) {
  try {
    await work();
    return 'no failure';
  } catch (thrown) {
    return thrown.name;
  }
}

export const print = () => process.stdout.write(`${JSON.stringify(results)}\n`);
