/** The part of the server's logger that sessions use. */
export interface EngineLogger {
  info(about: object, text: string): void;
  warn(about: object, text: string): void;
  error(about: object, text: string): void;
}
