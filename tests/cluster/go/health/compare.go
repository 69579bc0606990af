package main

import (
	"fmt"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/util/argo/normalizers"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// modified tells of each pair, wanted and live, whether Argo CD finds a difference.
func modified(known overrides, objects []*unstructured.Unstructured, more ...diff.Option) ([]any, error) {
	normalizer, err := normalizers.NewIgnoreNormalizer(nil, known, normalizers.IgnoreNormalizerOpts{})
	if err != nil {
		return nil, err
	}
	options := append(more, diff.WithNormalizer(normalizer), diff.WithLogr(logr.Discard()))
	answers := []any{}
	for i := 0; i+1 < len(objects); i += 2 {
		found, err := diff.Diff(objects[i], objects[i+1], options...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", objects[i].GetName(), err)
		}
		answers = append(answers, found.Modified)
	}
	return answers, nil
}

// modifiedByServer does so with the API server's answer to a dry run (compare option ServerSideDiff).
func modifiedByServer(known overrides, kubeconfig string, objects []*unstructured.Unstructured) ([]any, error) {
	config, err := connection(kubeconfig)
	if err != nil {
		return nil, err
	}
	cluster := cache.NewClusterCache(config, cache.SetLogr(logr.Discard()))
	if err := cluster.EnsureSynced(); err != nil {
		return nil, err
	}
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	dryRuns, cleanup, err := kubectl.ManageServerSideDiffDryRuns(config)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	return modified(
		known, objects,
		diff.WithServerSideDiff(true),
		diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(dryRuns)),
		diff.WithManager(common.ArgoCDSSAManager),
		diff.WithGVKParser(cluster.GetGVKParser()),
		diff.WithIgnoreMutationWebhook(true),
	)
}
