package clusters

import (
	"context"

	"github.com/databricks/databricks-sdk-go/service/compute"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// pageSize is the most the service gives at once.
const pageSize = 100

// listClusters lists those that the caller sees. One request for each 100.
// https://docs.databricks.com/api/azure/workspace/clusters/list
func listClusters(ctx context.Context, c *client.Client) ([]cluster, error) {
	found, err := compute.NewClusters(c.SDK()).ListAll(ctx, compute.ListClustersRequest{PageSize: pageSize})
	if err != nil {
		return nil, err
	}
	var all []cluster
	for _, k := range found {
		all = append(all, cluster{
			ID: k.ClusterId, Name: k.ClusterName, State: string(k.State), Source: string(k.ClusterSource), Creator: k.CreatorUserName, SparkVersion: k.SparkVersion,
		})
	}
	return all, nil
}
