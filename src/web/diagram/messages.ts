// Messages between the page and the frame that draws diagrams. Neither trusts the other's messages.

/** From the page: text to draw. */
export interface DiagramRequest {
  readonly id: number;
  readonly source: string;
  readonly isDark: boolean;
}
/** From the frame: it has loaded, or it drew the text or could not draw it. */
export type DiagramReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'drawn'; readonly id: number; readonly height: number }
  | { readonly kind: 'failed'; readonly id: number };
