//! The recipes of `assets/deploy` are read by tools that know their forms: Docker Compose itself, `kubernetes-validate` with the
//! schemas of Kubernetes, and `cfn-lint`. What they say of the program is tried: its variables, its probes, its health check, and
//! that ports, paths and the user are those of the image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::processes::{Delivery, Serve, python, run, sender};
use crate::wire::{self, Connection};

const TRIBUTARY: &str = env!("CARGO_BIN_EXE_tributary");
const STREAM_ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
const SECRET_ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key";

/// How long the engine may take to stop: 20 s for puts in flight, and 2 s for connections.
const STOP_SECONDS: u64 = 22;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn recipe(name: &str) -> PathBuf {
    root().join("assets/deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(recipe(name)).unwrap()
}

/// What an option of `packaging/image` says; `packaging/check-image` compares the image with it.
fn of_image(option: &str) -> String {
    let script = std::fs::read_to_string(root().join("packaging/image")).unwrap();
    let rest = script.split_once(option).unwrap_or_else(|| panic!("{option}")).1;
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Docker Compose on this file, with these variables and no others. It reads the file, and reaches no daemon.
fn compose(file: &Path, variables: &[(&str, &str)]) -> Output {
    let program = Path::new(&python()).with_file_name("docker-compose");
    let mut command = Command::new(&program);
    command.arg("--file").arg(file).args(["config", "--format", "json"]);
    command.env_clear().env("HOME", "/nonexistent").envs(variables.iter().copied());
    command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

const COMPOSE_VALUES: [(&str, &str); 3] = [
    ("TRIBUTARY_DESTINATION_REGION", "eu-west-1"),
    ("TRIBUTARY_DESTINATION_STREAM", "clicks"),
    ("TRIBUTARY_CAPTURE_WRITE_KEY", "key-of-the-recipes-0123"),
];

fn composed() -> Value {
    let output = compose(&recipe("compose.yaml"), &COMPOSE_VALUES);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a tool finds in a recipe, and its documents.
fn judged(form: &str, text: &str) -> (Vec<Value>, Vec<Value>) {
    let values = [
        format!("StreamArn={STREAM_ARN}"),
        format!("WriteKeySecretArn={SECRET_ARN}"),
        "AWS::Partition=aws".to_owned(),
        "AWS::Region=eu-west-1".to_owned(),
        "AWS::AccountId=123456789012".to_owned(),
    ];
    let mut command = Command::new(python());
    command.arg(sender("recipes.py")).arg(form).args(values);
    let mut answer: Value = serde_json::from_str(&run(&mut command, text)).unwrap();
    let mut list = |name: &str| answer[name].as_array_mut().map(std::mem::take).unwrap();
    (list("found"), list("documents"))
}

/// The documents of a recipe in which the tool finds nothing.
fn documents(form: &str, name: &str) -> Vec<Value> {
    let (found, documents) = judged(form, &text(name));
    assert_eq!(found, Vec::<Value>::new(), "{name}");
    documents
}

/// One document of the Kubernetes recipe.
fn kubernetes(kind: &str, name: &str) -> Value {
    let all = documents("kubernetes", "kubernetes.yaml");
    let is_it = |document: &&Value| document["kind"] == kind && document["metadata"]["name"] == name;
    all.iter().find(is_it).unwrap_or_else(|| panic!("{kind} {name}")).clone()
}

fn ecs(resource: &str) -> Value {
    let template = documents("cloudformation", "ecs.cloudformation.yaml").remove(0);
    template["Resources"][resource]["Properties"].clone()
}

/// `[{"Name": "A", "Value": "a"}]` as a map, by the names of the two members.
fn pairs(list: &Value, name: &str, value: &str) -> BTreeMap<String, String> {
    let all = list.as_array().unwrap().iter();
    all.map(|item| {
        (item[name].as_str().unwrap().to_owned(), item[value].as_str().unwrap_or_default().to_owned())
    })
    .collect()
}

/// The settings in force with these variables, as `tributary config` prints them; `None`: it refuses them.
fn settings(variables: &BTreeMap<String, String>) -> Option<String> {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(TRIBUTARY);
    let output = command.arg("config").env_clear().env("HOME", home.path()).envs(variables).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// Each variable changes the settings in force, and together they name stream and key.
fn are_settings(variables: &BTreeMap<String, String>, stream: &str) {
    let all = settings(variables).unwrap_or_else(|| panic!("refused: {variables:?}"));
    for line in [
        "kind = \"kinesis\"",
        "region = \"eu-west-1\"",
        &format!("stream = \"{stream}\""),
        "name = \"Environment\"",
    ] {
        assert!(all.contains(line), "{line} in\n{all}");
    }
    for name in variables.keys().filter(|name| name.starts_with("TRIBUTARY_")) {
        let mut others = variables.clone();
        others.remove(name);
        assert_ne!(settings(&others).as_ref(), Some(&all), "{name} has no effect");
    }
}

#[test]
fn the_variables_of_each_recipe_are_settings() {
    let compose = &composed()["services"]["tributary"]["environment"];
    let compose =
        compose.as_object().unwrap().iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let compose = compose.map(|(name, value)| (name.clone(), value.to_owned())).collect();
    are_settings(&compose, "clicks");

    let mut variables: BTreeMap<_, _> =
        serde_json::from_value(kubernetes("ConfigMap", "tributary")["data"].clone()).unwrap();
    let container = &kubernetes("StatefulSet", "tributary")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["envFrom"], json!([{ "configMapRef": { "name": "tributary" } }]));
    let secrets = |list: &Value, name: &str, value: &str| {
        let names = pairs(list, name, value).into_keys();
        names.map(|name| (name, "key-of-the-recipes-0123".to_owned())).collect::<Vec<_>>()
    };
    variables.extend(secrets(&container["env"], "name", "value"));
    are_settings(&variables, "clickstream");

    let container = &ecs("Task")["ContainerDefinitions"][0];
    let mut variables = pairs(&container["Environment"], "Name", "Value");
    variables.extend(secrets(&container["Secrets"], "Name", "ValueFrom"));
    are_settings(&variables, STREAM_ARN);
}

#[test]
fn ports_paths_and_user_are_those_of_the_image_and_there_is_time_to_stop() {
    let user: u64 = of_image("\nuser=").parse().unwrap();
    let port: u64 = of_image("--config.exposedports ").trim_end_matches("/tcp").parse().unwrap();
    let (volume, tag) = (of_image("--config.volume "), concat!("tributary:", env!("CARGO_PKG_VERSION")));

    let service = &composed()["services"]["tributary"];
    assert_eq!(service["image"], tag);
    assert_eq!(service["user"], json!(format!("{user}:{user}")));
    assert_eq!(
        (&service["ports"][0]["target"], &service["volumes"][0]["target"]),
        (&json!(port), &json!(volume))
    );
    assert_eq!((&service["volumes"][0]["type"], &service["read_only"]), (&json!("volume"), &json!(true)));
    let grace = service["stop_grace_period"].as_str().unwrap().trim_end_matches('s').parse::<u64>().unwrap();
    assert!(grace > STOP_SECONDS);

    let set = kubernetes("StatefulSet", "tributary");
    let pod = &set["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let image = container["image"].as_str().unwrap();
    assert!(image.ends_with(&format!("/{tag}")), "{image}");
    let security = &pod["securityContext"];
    for name in ["runAsUser", "runAsGroup", "fsGroup"] {
        assert_eq!(security[name], user, "{name}");
    }
    assert_eq!(
        (&security["runAsNonRoot"], &security["seccompProfile"]["type"]),
        (&json!(true), &json!("RuntimeDefault"))
    );
    let security = &container["securityContext"];
    assert_eq!(
        (&security["readOnlyRootFilesystem"], &security["allowPrivilegeEscalation"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(container["ports"][0]["containerPort"], port);
    assert_eq!(kubernetes("Service", "tributary-engines")["spec"]["ports"][0]["port"], port);
    assert_eq!(container["volumeMounts"][0]["mountPath"], json!(volume));
    let sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > STOP_SECONDS + sleep);
    // What selects the engines selects them.
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    for selector in [
        &set["spec"]["selector"]["matchLabels"],
        &kubernetes("Service", "tributary")["spec"]["selector"],
        &kubernetes("Service", "tributary-engines")["spec"]["selector"],
        &kubernetes("PodDisruptionBudget", "tributary")["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }

    let task = ecs("Task");
    let container = &task["ContainerDefinitions"][0];
    assert_eq!(
        (&container["User"], &container["ReadonlyRootFilesystem"]),
        (&json!(format!("{user}:{user}")), &json!(true))
    );
    assert_eq!(container["PortMappings"][0]["ContainerPort"], port);
    assert_eq!(
        container["MountPoints"][0],
        json!({ "SourceVolume": task["Volumes"][0]["Name"], "ContainerPath": volume })
    );
    assert!(container["StopTimeout"].as_u64().unwrap() > STOP_SECONDS);
    // Two tasks never share the volume, which outlives them.
    assert_eq!(task["Volumes"][0]["DockerVolumeConfiguration"]["Scope"], "shared");
    let deployment = json!({ "MinimumHealthyPercent": 0, "MaximumPercent": 100 });
    assert_eq!(ecs("Service")["DeploymentConfiguration"], deployment);
}

#[test]
fn the_health_checks_and_probes_of_each_recipe_are_answered_by_an_engine() {
    let compose = composed()["services"]["tributary"]["healthcheck"]["test"].clone();
    let ecs = ecs("Task")["ContainerDefinitions"][0]["HealthCheck"]["Command"].clone();
    let mut serve =
        Serve::new("http://127.0.0.1:9", Delivery { operation: "put-record", encoding: "base64" });
    let address = serve.start();
    for command in [compose, ecs] {
        let words: Vec<String> = serde_json::from_value(command).unwrap();
        assert_eq!(
            words[..2],
            ["CMD".to_owned(), of_image("--config.entrypoint ")],
            "no shell is in the image"
        );
        let words: Vec<_> = words[2..].iter().map(String::as_str).collect();
        let answer = serve.answer(&words);
        assert!(answer.contains("status"), "{words:?}: {answer}");
    }
    let pod = &kubernetes("StatefulSet", "tributary")["spec"]["template"]["spec"]["containers"][0];
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let get = &pod[probe]["httpGet"];
        assert_eq!(get["port"], pod["ports"][0]["name"]);
        let request = wire::request("GET", get["path"].as_str().unwrap(), "", b"");
        let reply = Connection::open(address).and_then(|mut open| open.ask(&request)).unwrap();
        assert_eq!(reply.status, 200, "{probe}");
    }
    serve.stop();
}

/// The output of `tributary policy` for the stream.
fn policy(words: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(TRIBUTARY);
    command.args(["policy", "--region", "eu-west-1", "--stream", "clicks", "--account-id", "123456789012"]);
    let output = command.args(words).env_clear().env("HOME", home.path()).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn the_role_of_the_ecs_recipe_is_the_one_that_the_program_prints() {
    let role = ecs("TaskRole");
    assert_eq!(role["Policies"][0]["PolicyDocument"], policy(&[]));
    assert_eq!(role["AssumeRolePolicyDocument"], policy(&["--runs-on", "ecs", "--trust-policy"]));
    assert_eq!((role["Policies"].as_array().unwrap().len(), &role["ManagedPolicyArns"]), (1, &Value::Null));
    let secret = &ecs("ExecutionRole")["Policies"][0]["PolicyDocument"]["Statement"][0];
    assert_eq!(
        (&secret["Action"], &secret["Resource"]),
        (&json!("secretsmanager:GetSecretValue"), &json!(SECRET_ARN))
    );
}

#[test]
fn the_tools_see_what_is_wrong_with_a_recipe() {
    for (form, name, right, wrong) in [
        ("kubernetes", "kubernetes.yaml", "whenUnsatisfiable:", "whenUnsatisfyable:"),
        ("kubernetes", "kubernetes.yaml", "replicas: 2", "replicas: two"),
        ("cloudformation", "ecs.cloudformation.yaml", "ReadonlyRootFilesystem:", "ReadOnlyRootFilesystem:"),
        ("cloudformation", "ecs.cloudformation.yaml", "!Ref StreamArn", "!Ref Stream"),
    ] {
        let text = text(name);
        assert!(text.contains(right), "{right} in {name}");
        assert_ne!(judged(form, &text.replacen(right, wrong, 1)).0, Vec::<Value>::new(), "{wrong} in {name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compose.yaml");
    std::fs::write(&path, text("compose.yaml").replacen("read_only:", "readonly:", 1)).unwrap();
    let said = |output: Output| (output.status.success(), String::from_utf8(output.stderr).unwrap());
    let (is_right, why) = said(compose(&path, &COMPOSE_VALUES));
    assert!(!is_right && why.contains("readonly"), "{why}");
    // A person who forgot a value is told which.
    let (is_right, why) = said(compose(&recipe("compose.yaml"), &COMPOSE_VALUES[..2]));
    assert!(!is_right && why.contains("TRIBUTARY_CAPTURE_WRITE_KEY") && why.contains(".env"), "{why}");
}
