"""Reads the manifests, as kustomize and Helm would put them together; checks what the operators' guide promises; prints them as JSON."""
import copy, json, pathlib, re, sys
import yaml

here = pathlib.Path(__file__).resolve().parent.parent
manifests = here / "kubernetes"
version = re.search(r"project\(talos VERSION (\S+)", (here.parent / "CMakeLists.txt").read_text())[1]


def check(condition, message):
    if not condition:
        sys.exit(f"FAILED: {message}")


def load(path):
    return yaml.safe_load((manifests / path).read_text())


def merged(base, patch):
    """A strategic merge of mappings; the patches here have no lists."""
    result = copy.deepcopy(base)
    for key, value in patch.items():
        result[key] = merged(result[key], value) if isinstance(value, dict) and isinstance(result.get(key), dict) else value
    return result


def kustomized(directory):
    kustomization = load(f"{directory}/kustomization.yaml")
    check(kustomization["kind"] == "Kustomization", f"{directory}: no Kustomization")
    resources = []
    for resource in kustomization["resources"]:
        path = (manifests / directory / resource).resolve()
        check(path.exists(), f"{directory}: there is no {resource}")
        resources += kustomized(path.relative_to(manifests)) if path.is_dir() else [yaml.safe_load(path.read_text())]
    for patch in kustomization.get("patches", []):
        change = load(f"{directory}/{patch['path']}")
        targets = [r for r in resources if (r["kind"], r["metadata"]["name"]) == (change["kind"], change["metadata"]["name"])]
        check(len(targets) == 1, f"{directory}: {patch['path']} has no target")
        resources = [merged(r, change) if r is targets[0] else r for r in resources]
    return resources


def rendered(template):
    """The few references that the template has, as Helm fills them in."""
    chart, values = load("helm/Chart.yaml"), load("helm/values.yaml")
    check(chart["appVersion"] == version, f"helm/Chart.yaml: appVersion is not {version}")
    known = {"Release": {"Name": "talos"}, "Chart": {"AppVersion": chart["appVersion"]}, "Values": values}

    def value(match):
        found = known
        for name in match[1].split("."):
            check(name in found, f"{template}: nothing gives .{match[1]}")
            found = found[name]
        return found

    text = re.sub(r"\{\{ \.([A-Za-z.]+) \}\}", value, (manifests / template).read_text())
    check("{{" not in text, f"{template}: an expression that this test does not know")
    return yaml.safe_load(text)


def secured(pod, container, where):
    context = pod["securityContext"]
    check(context["runAsNonRoot"] is True and context["runAsUser"] == 65532, f"{where}: not as the image's user")
    check(context["seccompProfile"]["type"] == "RuntimeDefault", f"{where}: no seccomp profile")
    own = container["securityContext"]
    check(own["readOnlyRootFilesystem"] is True and own["allowPrivilegeEscalation"] is False, f"{where}: may write or rise")
    check(own["capabilities"] == {"drop": ["ALL"]}, f"{where}: has capabilities")
    check({"requests", "limits"} <= set(container["resources"]), f"{where}: no resources")
    check(container["image"].endswith(f"/talos-commercial:{version}"), f"{where}: the tag is not {version}")
    check("command" not in container, f"{where}: replaces the image's entrypoint")
    (variable,) = container["env"]
    check(variable["name"] == "DB_DSN" and "secretKeyRef" in variable["valueFrom"], f"{where}: the DSN is not from a Secret")
    return variable["valueFrom"]["secretKeyRef"]


def check_job(job, where):
    spec = job["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    check(spec["backoffLimit"] == 0 and pod["restartPolicy"] == "Never", f"{where}: would try a failed migration again")
    check(spec["activeDeadlineSeconds"] > 0, f"{where}: no deadline")
    check(container["args"] == ["migrate", "up"], f"{where}: other arguments")
    return secured(pod, container, where)


(job,) = kustomized("base")
(hook,) = kustomized("argocd")
chart_job = rendered("helm/templates/job.yaml")
secret = load("secret.example.yaml")
for where, one in (("base", job), ("argocd", hook), ("helm", chart_job)):
    reference = check_job(one, where)
    check(reference["name"] == secret["metadata"]["name"] and reference["key"] in secret["stringData"], f"{where}: another Secret")
    check(one["spec"] == job["spec"], f"{where}: its Job differs from the base's")
annotations = hook["metadata"]["annotations"]
check(annotations["argocd.argoproj.io/hook"] == "PreSync" and annotations["argocd.argoproj.io/sync-wave"] == "-1", "argocd: no hook")
annotations = chart_job["metadata"]["annotations"]
check(annotations["helm.sh/hook"] == "pre-install,pre-upgrade", "helm: no hook")

deployment = load("init-container.yaml")
pod = deployment["spec"]["template"]["spec"]
(waiting,) = pod["initContainers"]
secured(pod, waiting, "init container")
check(waiting["args"][:4] == ["migrate", "status", "--block", "--timeout"], "init container: does not wait with a limit")

# The guide shows the Job as it is.
guide = (here.parent / "docs/operations.md").read_text()
shown = [block for block in re.findall(r"```yaml\n(.*?)```", guide, re.S) if "kind: Job" in block]
check(len(shown) == 1 and yaml.safe_load(shown[0]) == job, "docs/operations.md shows another Job than packaging/kubernetes/base/job.yaml")

print(json.dumps({"base": job, "argocd": hook, "helm": chart_job, "init container": deployment, "secret": secret}))
