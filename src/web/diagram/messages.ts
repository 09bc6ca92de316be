// Neither the page nor the frame that draws diagrams trusts the other's messages.

export interface DiagramRequest {
  readonly id: number;
  readonly source: string;
  readonly isDark: boolean;
}
export type DiagramReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'drawn'; readonly id: number; readonly height: number }
  | { readonly kind: 'failed'; readonly id: number };
