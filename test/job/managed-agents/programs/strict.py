# Runs a program with every reply checked against the SDK's own models: missing and unknown fields are faults. The SDK
# itself would pass both over.
import contextlib
import io
import json
import runpy
import sys

import pydantic
from anthropic import _base_client, _models
from anthropic import _response, _streaming
from anthropic.resources.beta import webhooks

faults = {}
checked = set()
construct = _models.construct_type
# Its fields are those of the program's own schema.
open_models = {"BetaManagedAgentsCustomToolInputSchema"}


def unknown(value, place):
    if isinstance(value, pydantic.BaseModel):
        extra = value.model_extra or {}
        if type(value).__name__ not in open_models:
            for name in extra:
                yield f"{place}.{name} is unknown to {type(value).__name__}"
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name, None), f"{place}.{name}")
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from unknown(item, f"{place}[]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from unknown(item, f"{place}.{name}")


def plain(type_):
    return getattr(type_, "__name__", str(type_))[:200]


def checking(*, value, type_, metadata=None):
    name = plain(type_)
    wrapped = _models.annotated_with(type_, metadata) if metadata and hasattr(_models, "annotated_with") else type_
    checked.add(name)
    try:
        found = pydantic.TypeAdapter(wrapped).validate_python(value)
        for fault in unknown(found, name):
            faults.setdefault(fault, None)
    except pydantic.ValidationError as error:
        for one in error.errors()[:5]:
            faults.setdefault(f"{name}: {one['loc']}: {one['msg']}", json.dumps(value, default=str)[:500])
    except Exception as error:
        faults.setdefault(f"{name}: {type(error).__name__} {error}"[:500], None)
    return construct(value=value, type_=type_) if metadata is None else construct(value=value, type_=type_, metadata=metadata)


for module in (_base_client, _response, _streaming, webhooks):
    if hasattr(module, "construct_type"):
        module.construct_type = checking
# The program prints its steps last; this prints them again, with the faults.
with contextlib.redirect_stdout(io.StringIO()) as output:
    runpy.run_path(sys.argv[1], run_name="__main__")
steps = json.loads(output.getvalue().strip().splitlines()[-1])
print(json.dumps({**steps, "faults": faults, "models": len(checked)}))
