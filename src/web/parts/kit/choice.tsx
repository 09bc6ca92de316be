interface Props<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly label: string }[];
  /** Also called when the user clicks the current option. */
  readonly onChange: (value: Value) => void;
}

export const SegmentedControl = <Value extends string>({ label, value, options, onChange }: Props<Value>) => (
  <fieldset class="choice">
    <legend>{label}</legend>
    <div class="segments tinted round wrap">
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={label}
            value={option.value}
            checked={option.value === value}
            onClick={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </div>
  </fieldset>
);
