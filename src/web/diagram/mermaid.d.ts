// The package's own bundle: it needs none of Mermaid's 110 packages.
declare module 'mermaid/dist/mermaid.esm.min.mjs' {
  export { default } from 'mermaid';
}
