"""A notebook for exactlip: each `# %%` starts a cell. `pip install 'exactlip[server,notebook]'` is all it needs.

The network here is a file of the repository; a torch module stands in its place just as well.
"""

# %% The network, and an image of the digit 1 as an 8×8 array of numbers between 0 and 1.
import json
import os
from pathlib import Path

from exactlip import Client, Server, assert_lipschitz_below, ball, margin

examples = Path(__file__).resolve().parents[3] / "examples"
model = examples / "c_digits17_64-20-20-20-2_s0.onnx"
image = json.loads((examples / "digits17.json").read_text())["domain"]["center"]

# %% How much can the margin between the two classes change around this image, for each unit of change in the pixels?
# The service that EXACTLIP_URL names, else one of the notebook's own.
server = None if os.environ.get("EXACTLIP_URL") else Server()
client = server.client if server else Client()
report = client.lipschitz(model, domain=ball(image, 0.1), functional=margin(0, 1))
print(report)

# %% The point at which it changes fastest, and the pixel that matters most there.
witness = report.witness
pixel = max(range(64), key=lambda k: abs(witness.gradient[k]))
print(f"pixel {divmod(pixel, 8)}: {witness.gradient[pixel]:+.3f}")

# %% What cheap bounds would have said.
for tier in report.tiers:
    if tier.value is not None:
        print(f"{tier.method:>16}: {tier.value / report.upper:.3f} times the constant")

# %% The constant grows with the region.
for radius in (0.01, 0.05, 0.1):
    print(radius, repr(client.lipschitz(model, domain=ball(image, radius), functional=margin(0, 1))))

# %% A gate, as it would stand in a test.
threshold = 120
gate = assert_lipschitz_below(model, threshold, client=client, domain=ball(image, 0.1), functional=margin(0, 1))
print(repr(gate))

# %% As pictures: a report that ends a cell is one by itself.
# report.plot(); report.to_frame()
report  # noqa: B018

# %% The service of this notebook ends.
if server:
    server.close()
