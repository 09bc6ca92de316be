export interface PreviewLocation {
  readonly port: number;
  readonly path: string;
  /** Whether the page takes the focus, because the user has just opened it. */
  readonly takesFocus?: boolean;
}

const local = /^(?:https?:\/\/)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(\d{1,5})(\/[^\s]*)?$/i;
export function parsePreviewLocation(href: string): PreviewLocation | undefined {
  const [, port, path = '/'] = local.exec(href) ?? [];
  return port === undefined || Number(port) < 1 || Number(port) > 65_535 ? undefined : { port: Number(port), path };
}
