// noVNC ships no types. These members are declared as in noVNC's docs/API.md.
declare module '@novnc/novnc' {
  interface Events {
    connect: CustomEvent<Record<string, never>>;
    desktopname: CustomEvent<{ readonly name: string }>;
    clipboard: CustomEvent<{ readonly text: string }>;
  }

  // biome-ignore lint/style/noDefaultExport: the package has this one export
  export default class RFB {
    constructor(target: HTMLElement, channel: object, options: { readonly shared: boolean });
    background: string;
    clipViewport: boolean;
    dragViewport: boolean;
    focusOnClick: boolean;
    scaleViewport: boolean;
    viewOnly: boolean;
    addEventListener<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void;
    clipboardPasteFrom(text: string): void;
    focus(): void;
    sendKey(keysym: number, code: string, isDown?: boolean): void;
  }
}
