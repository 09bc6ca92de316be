// The package's own bundle, which needs none of Mermaid's 110 dependencies.
declare module 'mermaid/dist/mermaid.esm.min.mjs' {
  export { default } from 'mermaid';
}
