# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From loans to a service with health checks
#
# This notebook shows how the shipped models were made and how they are served: data, training, evaluation, packaging,
# the service and its health checks, the image, and the deployment to Kubernetes. The code is in the package; the
# notebook calls it and shows the results. `make notebook DATA=loan.csv` executes it with real loans. If you execute it
# yourself without the environment variable `DATA`, it uses synthetic loans and says so.

# %%
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pandas as pd
import yaml
from IPython.display import SVG, Markdown, display
from IPython.utils.capture import capture_output

from credit_risk_model import artifact, features, lending_club, lending_club_book
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.on_book import CreditRiskOnBookModel
from credit_risk_model.training import (
    book,
    checks,
    dataset,
    estimator,
    evaluation,
    preparation,
    profile,
    report,
    split,
    synthetic,
    validation,
)
from docs.tables import operations

# %% [markdown]
# ## The loans
#
# Lending Club published the loans that it issued from 2007 to 2015, with their status. The file has 74 columns. The
# training uses 22 of them: 16 inputs, the status, and the columns that show how a loan looked in an earlier month.

# %%
folder = Path("build/notebook")
folder.mkdir(parents=True, exist_ok=True)
if os.environ.get("DATA"):
    data = Path(os.environ["DATA"])
    print("real loans")
else:
    data = folder / "loan.csv.gz"
    synthetic.write(data, rows=int(os.environ.get("ROWS", "20000")))
    print("SYNTHETIC loans: the figures of this run say nothing about real loans")
loans = dataset.read(data, progress=False)
print(f"{len(loans):,} loans, {len(loans.columns)} columns read")

# %% [markdown]
# ### Limits of the data
#
# The shipped models learned from 49,579 loans that were joined from several published extracts. They are not a random
# sample of the full file (887,379 loans): nearly all loans of 2012 and 2013 and most of 2014 and 2015 are missing.
# Their status was recorded at three dates: January 2016, the third quarter of 2018, and the first quarter of 2019.
# Loans after 2015 and loans of other lenders are missing. No protected attribute is recorded, so nobody could examine
# whether the models treat groups of people equally. `docs/data.md` has the details.
#
# ### The label
#
# A loan is risky if it was charged off, is in default or is late.

# %%
pd.DataFrame({"risk": lending_club.RISK_OF_STATUS, "loans": loans["loan_status"].value_counts()}).fillna(0)

# %% [markdown]
# ## Preparation
#
# Loans with a missing value and extreme loans are dropped. The table shows how many loans each step leaves.

# %%
prepared, steps = preparation.prepare(loans)
pd.DataFrame([(step.name, f"{step.rows:,}") for step in steps], columns=["step", "loans left"])

# %% [markdown]
# ## Profile
#
# The profile is an HTML page in the evidence next to the artifact. It shows the distribution of each column, and
# contains no individual loans. The table below is a short version.

# %%
with capture_output():
    page = profile.page(prepared[[*features.LOAN.names, preparation.RISK, preparation.YEAR]])
(folder / "profile.html").write_bytes(page)
prepared[features.LOAN.names].describe(percentiles=[0.5]).T[["mean", "std", "50%"]].round(2)

# %% [markdown]
# ## Checks of the data
#
# deepchecks searches for conflicting labels, duplicates, mixed types, inputs that reveal the answer, and more. Some
# checks stop the training when they fail, unless the finding was reviewed and accepted with a reason.

# %%
reasons = validation.accepted()
integrity = validation.data_integrity(prepared)
print(validation.table(integrity.findings, reasons))

# %% [markdown]
# ## The book
#
# The models will be used on a living book, where most loans are current and young. Most of the loans above ended long
# ago. A model that learns from them as recorded confuses a young loan with a loan that stopped paying, because both
# have paid little. So the models learn from views: each view shows a loan as it was in an earlier month. The views are
# sampled so that their ages and statuses match Lending Club's full file. The full file itself needs no views.

# %%
whole = book.of(prepared, seed=estimator.SEED, report=print)
shares = whole.loans[lending_club.STATUS].value_counts(normalize=True)
published = pd.Series(lending_club_book.BOOK_STATUSES) / sum(lending_club_book.BOOK_STATUSES.values())
as_recorded = book.as_recorded(prepared)[lending_club.STATUS].value_counts(normalize=True)
pd.DataFrame({"as recorded": as_recorded, "the book": shares, "published": published}).fillna(0).round(4)

# %% [markdown]
# ## Split
#
# A fifth of the loans is held out, with all their views. A hash of the values that were known at issue selects them, so
# the split does not depend on the order of the file.

# %%
test = split.held_back(whole.loans)
learning, held_out = whole.loans[~test], whole.loans[test]
print(f"{len(learning):,} rows to learn from, {len(held_out):,} held out")
halves = validation.train_test_validation(learning, held_out)
print(validation.table(halves.findings, reasons))

# %% [markdown]
# ## Hyperparameters
#
# FLAML searched for the hyperparameters of each model, with cross-validation on the rows of the training. The best
# trial is the one with the best average precision among those that predict in at most 3.5 times the time of LightGBM's
# defaults. Of the trials within this limit and within one standard error of the best one, the one with the fastest
# reasons is used. `make search` repeats the search. The model with the age keeps the hyperparameters of an earlier
# search, because the choice of this one ranks loans issued later worse.

# %%
for inputs in (features.LOAN, features.ON_BOOK):
    display(SVG(estimator.FOUND[inputs].with_suffix(".svg").read_text()))
    print(len(inputs), "inputs:", estimator.found_hyperparameters(inputs))

# %% [markdown]
# ## Training
#
# Calibration and threshold are chosen on validation rows, with a model that has not seen these rows. The final model
# learns from these rows too. The rows held out do not affect the models; they serve only for the checks and the
# figures. There are two models: one with the 16 inputs of the article, and one that also knows the age of the loan.

# %%
learned = estimator.learn(learning, estimator.found_hyperparameters())
on_book = estimator.learn(learning, estimator.found_hyperparameters(features.ON_BOOK), features.ON_BOOK)
pd.DataFrame(
    {
        "16 inputs": evaluation.population(
            held_out, estimator.probabilities(learned.booster, held_out), learned.threshold
        ),
        "with the age": evaluation.population(
            held_out, estimator.probabilities(on_book.booster, held_out, features.ON_BOOK), on_book.threshold
        ),
    }
).round(3)

# %% [markdown]
# ## Evaluation
#
# More figures of the model with 16 inputs, on the book:

# %%
probability = estimator.probabilities(learned.booster, held_out)
evaluated = evaluation.evaluate(held_out, probability, learned.threshold, learned.booster)
pd.DataFrame(
    {
        "value": evaluated["metrics"],
        "95 % interval": {k: f"{a:.3f} to {b:.3f}" for k, (a, b) in evaluated["intervals"].items()},
    }
).round({"value": 3})

# %%
for title, caption, draw in report.PLOTS:
    display(SVG(report.svg(draw, evaluated, title)), Markdown(f"*{caption}*"))

# %% [markdown]
# deepchecks also examines the trained model. The last two checks stop the training if the model calls too many of the
# current loans risky, or ranks the loans hardly better than chance.

# %%
model_checks = validation.model_evaluation(learning, held_out, learned.booster, learned.threshold)
flagged = evaluation.flagged_of_current(held_out, probability, learned.threshold)
judged = [validation.living_book(flagged), checks.of_model(estimator.is_risky(held_out), probability)]
print(validation.table([*model_checks.findings, *judged], reasons))

# %% [markdown]
# ## Packaging
#
# `make train DATA=loan.csv` runs all of these steps, and packs each model with its evidence into a zip file, the
# artifact. From here on, the notebook uses the shipped artifacts. Before an artifact is used, its digests and its
# features are checked. Nothing in it is unpickled.

# %%
shipped = artifact.read(artifact.PACKAGED, features=features.LOAN.specification())
members = artifact.verify(artifact.PACKAGED)
pd.DataFrame([(name, f"{len(content):,}") for name, content in members.items()], columns=["member", "bytes"])

# %% [markdown]
# The training compared the model with others that were trained in the same way:

# %%
rows = {
    (population, name): figures[population]
    for population in shipped.metadata["compared"]["this model"]
    for name, figures in shipped.metadata["compared"].items()
}
pd.DataFrame(rows).T[["risky_share", "mean_probability", "current_flagged", "f1", "average_precision"]].round(3)

# %% [markdown]
# The model card begins with the permitted use: the model monitors loans after they are granted. It must not decide on
# applications, because two of its inputs are not known then.

# %%
card = members["model_card.md"].decode()
Markdown(card[: card.index("## The model")])

# %% [markdown]
# ## One prediction
#
# The model is an `ml_base.MLModel`: a class with a schema for its input, a schema for its output, and `predict`. The
# loan is an example from the documentation, not a real one.

# %%
model = CreditRiskModel()
example = features.LOAN.example
model.predict(model.input_schema(**example))

# %% [markdown]
# The next loan has paid ten of 36 instalments. Without its age, a model cannot know whether ten months or thirty have
# passed. The on-book model knows the age:

# %%
after_ten = features.ON_BOOK.example | {"total_payments_to_date": 4_064.0}
aware = CreditRiskOnBookModel()
for months in (10, 30):
    aged = aware.input_schema(**after_ten | {"months_since_issue": months})
    print(f"{months} months after issue: {aware.predict(aged).credit_risk}, {aware.probability(aged):.3f}")

# %% [markdown]
# ## The service
#
# `rest_model_service` turns the models into a REST service, from one YAML file. The package `credit_risk_model.service`
# adds a layer that knows the state of the service and rejects bad input.

# %%
configuration = Path("configuration/rest_configuration.yaml")
print(configuration.read_text())

# %% [markdown]
# The following helpers start the service on a free port and show what it answers.

# %%
PROBES = ("/api/health/startup", "/api/health/ready", "/api/health")


def start(configuration: Path) -> tuple[subprocess.Popen[bytes], str, Path]:
    """Return the process, its address and its log once it listens."""
    log = folder / f"{configuration.stem}.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "credit_risk_model.service", "--port", "0"],
        env=os.environ | {"REST_CONFIG": str(configuration)},
        stderr=log.open("w"),
        stdout=subprocess.DEVNULL,
    )
    while "running on " not in log.read_text() and process.poll() is None:
        time.sleep(0.1)
    return process, log.read_text().partition("running on ")[2].split()[0], log


def ask(url: str, body: dict[str, object] | None = None) -> str:
    """Return the status and the body of the answer."""
    answer = httpx.post(url, json=body) if body else httpx.get(url)
    return f"{answer.status_code} {answer.text}"


def show_probes(address: str) -> None:
    """Print what the three probes answer."""
    for path in PROBES:
        print(f"{path:<22}{ask(address + path)}")


def wait_until(url: str, status: str) -> None:
    """Wait until the answer has the status."""
    while not ask(url).startswith(status):
        time.sleep(0.05)


# %% [markdown]
# ## Loading
#
# Kubernetes asks three questions. Has the service started? Until it has, the other two are not asked. Is it ready? Only
# then does it get requests. Is it alive? If not, Kubernetes restarts it.
#
# `examples/slow_model.py` is a model that loads when a file appears. Until then, the service is alive, but it has not
# started and is not ready. A prediction is refused.

# %%
gate = folder / "gate"
gate.unlink(missing_ok=True)
slow = folder / "slow_configuration.yaml"
slow_model = {
    "class_path": "examples.slow_model.SlowModel",
    "create_endpoint": True,
    "configuration": {"gate": str(gate)},
}
slow.write_text(yaml.safe_dump({"models": [slow_model]}))
service, address, log = start(slow)
show_probes(address)
print(ask(f"{address}/api/models/slow_model/prediction", {"number": 21}))

# %% [markdown]
# The file appears, and the model is loaded:

# %%
gate.touch()
wait_until(f"{address}/api/health/ready", "200")
show_probes(address)
print(ask(f"{address}/api/models/slow_model/prediction", {"number": 21}))
service.terminate()
print("exit code", service.wait(timeout=30))

# %% [markdown]
# ## Failure
#
# This time, loading fails. The service does not exit, so that the probes can report the failure. The startup probe
# succeeds, because the start has ended. Readiness and liveness fail, so Kubernetes restarts the service. The log has
# the cause; clients do not see it.

# %%
gate.write_text("the file of the model is damaged")
service, address, log = start(slow)
wait_until(f"{address}/api/health/startup", "200")
show_probes(address)
print(ask(f"{address}/api/models/slow_model/prediction", {"number": 21}))
print(next(line for line in log.read_text().splitlines() if line.startswith("RuntimeError")))
service.terminate()
print("exit code", service.wait(timeout=30))

# %% [markdown]
# ## Ready
#
# Now the real service starts, with all six models:

# %%
service, address, log = start(configuration)
wait_until(f"{address}/api/health/ready", "200")
show_probes(address)
print(ask(f"{address}/api/models/credit_risk_model/prediction", example))
print(ask(f"{address}/api/models/credit_risk_on_book_model/prediction", after_ten | {"months_since_issue": 30}))

# %% [markdown]
# A bad request gets an answer that names the field:

# %%
print(ask(f"{address}/api/models/credit_risk_model/prediction", example | {"term": "36"}))

# %% [markdown]
# The on-book explanation model gives the reasons for its answer:

# %%
explained = httpx.post(
    f"{address}/api/models/credit_risk_on_book_explanation_model/prediction", json=features.ON_BOOK.example
)
print(json.dumps(explained.json(), indent=1))

# %% [markdown]
# ## Drain
#
# Kubernetes stops a pod with SIGTERM. Readiness changes to 503, so that no new requests are sent to the pod. (In a
# cluster, the manifests delay this by 20 s.) Requests that still arrive are answered. After five seconds, the listener
# closes, and the process exits with 0.

# %%
service.terminate()
wait_until(f"{address}/api/health/ready", "503")
show_probes(address)
print(ask(f"{address}/api/models/credit_risk_model/prediction", example))
print("exit code", service.wait(timeout=30))

# %% [markdown]
# ## Image
#
# The following commands need a container engine. The notebook does not run them.
#
# ```sh
# make image
# docker run --detach --rm --name credit-risk-model --stop-timeout 26 -p 127.0.0.1:8000:8000 \
#   credit_risk_model_service:0.1.0
# docker ps
# docker stop credit-risk-model
# ```
#
# The following was recorded on 26 November 2026 with Docker 20.10 on two shared cores of an AMD EPYC, not by this
# notebook. The base image was a substitute for `python:3.12-slim`.
#
# ```text
# $ docker ps
# IMAGE                             STATUS                    PORTS                      NAMES
# credit_risk_model_service:0.1.0   Up 14 seconds (healthy)   127.0.0.1:8000->8000/tcp   credit-risk-model
# $ docker logs credit-risk-model
# 2026-11-26T00:37:46.093Z INFO    [-] Service running on http://*:8000 (Ctrl-C stops)
# 2026-11-26T00:37:46.322Z INFO    [-] Loaded credit_risk_model 0.1.0, artifact ee40826fad8a, in 0.20 s and 9.0 MB.
# ... (one line per model)
# 2026-11-26T00:37:47.187Z INFO    [-] Ready after 1.07 s.
# $ time docker stop credit-risk-model
# real 0m5.480s
# ```
#
# The five seconds are the drain.

# %% [markdown]
# ## Cluster
#
# The following commands need minikube and kubectl. They create a cluster, load the image into it, and create the
# namespace with its quota. The notebook does not run them.
#
# ```sh
# minikube start
# minikube image load credit_risk_model_service:0.1.0
# kubectl create -f kubernetes/namespace.yaml
# ```
#
# ## Deployment
#
# The Deployment runs two pods with the three probes. The Service is created with it.
#
# ```sh
# kubectl create -f kubernetes/model_service.yaml
# kubectl --namespace model-services rollout status deployment/credit-risk-model-deployment
# curl -s "$(minikube service credit-risk-model-service --namespace model-services --url)/api/health/ready"
# ```
#
# The probes of the Deployment:

# %%
Markdown(operations.probes())

# %% [markdown]
# An update replaces the pods one by one, and so does a rollback:
#
# ```sh
# kubectl --namespace model-services set image deployment/credit-risk-model-deployment \
#   credit-risk-model-service=credit_risk_model_service:0.2.0
# kubectl --namespace model-services rollout undo deployment/credit-risk-model-deployment
# ```
#
# There was no cluster where this notebook ran. The table was recorded by `make rehearse`: a small kubelet in the tests
# read the manifests and ran two pods of the image in a container engine. They went through an update, a rollback and a
# rollout whose artifact is refused, while clients sent 50 requests/s.

# %%
Markdown(operations.rehearsal())

# %% [markdown]
# ## Deletion
#
# The first command removes everything from the cluster. The second one deletes the cluster.
#
# ```sh
# kubectl delete namespace model-services
# minikube delete
# ```
